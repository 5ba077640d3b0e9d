/* Inside reports/ and its history: the document that report_json.c writes and report_read.c reads. */
#ifndef ASSAY_REPORTS_REPORT_DOCUMENT_H
#define ASSAY_REPORTS_REPORT_DOCUMENT_H

#include <cjson/cJSON.h>

#include "base/buffer.h"
#include "findings/report.h"

#define REPORT_FORMAT 1 /* "assay_report" */

/* A member of every finding: a fact of that name is written as "fact_NAME". */
bool member_reserved(const char *name);
#define FACT_PREFIX "fact_"

/* "line", "heatmap", "steps", "table", by enum series_kind. */
#define SERIES_KINDS 4
extern const char *const series_kind_names[SERIES_KINDS];

/* Appends what the document says of one finding. `where` is what errors call it. */
bool finding_read(const cJSON *item, const char *where, struct findings *findings, struct error *error);

/* Appends the text of a document or a part of it, in which numbers get as many digits as they have. */
bool document_text(cJSON *document, bool indented, struct buffer *out, struct error *error);

#endif
