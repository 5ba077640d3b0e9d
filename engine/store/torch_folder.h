/* Folders of PyTorch files under names of their own. */
#ifndef ASSAY_STORE_TORCH_FOLDER_H
#define ASSAY_STORE_TORCH_FOLDER_H

#include "store/store_internal.h"

/* Are there archives of PyTorch's, and no safetensors? What a trainer keeps beside the weights counts for nothing. */
bool torch_folder_is(const char *folder);
/* The only one; malloc'd. Several are an error that lists them. */
char *torch_folder_file(const char *folder, struct error *error);

#endif
