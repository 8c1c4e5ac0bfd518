#include "reactor/slice.h"

void slice_shorten(void)
{
}
