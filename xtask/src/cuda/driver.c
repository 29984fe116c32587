/* A driver of CUDA that has no device, to show without one that a binary finds a driver, asks it and believes it.
   Built and used by `cargo xtask cuda-build` alone. */
#include <stdlib.h>

int cuDriverGetVersion(int *version) {
    *version = atoi(getenv("DRIVER_VERSION"));
    return 0;
}

/* CUDA_ERROR_NO_DEVICE */
int cuInit(unsigned flags) { return flags == 0 ? 100 : 1; }

int cuGetErrorName(int error, const char **name) {
    *name = "CUDA_ERROR_NO_DEVICE";
    return 0;
}

int cuGetErrorString(int error, const char **text) {
    *text = "no CUDA-capable device is detected";
    return 0;
}
