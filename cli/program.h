/* How a program that runs models begins and ends. */
#ifndef ASSAY_CLI_PROGRAM_H
#define ASSAY_CLI_PROGRAM_H

/* No file gets the number of a standard stream that is closed, memory is kept, and a signal that ends the program
 * leaves nothing half written. */
void program_begin(void);

/* The status that it ends with: a result that did not reach stdout (a full disk) is none. */
int program_finish(const char *program, int status);

/* Ends it. OpenBLAS waits at exit for threads that may never end where memory is short, so nothing is run at exit but
 * what a sanitizer reports. */
_Noreturn void program_end(int status);

#endif
