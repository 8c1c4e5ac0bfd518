/* Prints the option list of sallyport.conf(5), when the page is made. */
#include "config/config.h"

int main(void)
{
    config_manual(stdout);
    return ferror(stdout) != 0 || fclose(stdout) != 0;
}
