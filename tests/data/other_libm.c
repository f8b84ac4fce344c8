/* Functions of the C library's mathematics, each wrong by a few units in the last place: to be loaded before libm.

   A result whose last 20 bits are 0, such as exp(0), pow(2, 10) or log(1), is exact in any library and stays so. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static double wrong(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (isfinite(x) && (bits & 0xfffff))
        bits += 3;
    memcpy(&x, &bits, sizeof bits);
    return x;
}

#define OF_ONE(name) \
    double name(double x) \
    { \
        static double (*right)(double); \
        if (!right) \
            right = (double (*)(double))dlsym(RTLD_NEXT, #name); \
        return wrong(right(x)); \
    }

#define OF_TWO(name) \
    double name(double x, double y) \
    { \
        static double (*right)(double, double); \
        if (!right) \
            right = (double (*)(double, double))dlsym(RTLD_NEXT, #name); \
        return wrong(right(x, y)); \
    }

OF_ONE(exp) OF_ONE(exp2) OF_ONE(expm1) OF_ONE(log) OF_ONE(log2) OF_ONE(log10) OF_ONE(log1p)
OF_ONE(sin) OF_ONE(cos) OF_ONE(tan) OF_ONE(asin) OF_ONE(acos) OF_ONE(atan)
OF_ONE(sinh) OF_ONE(cosh) OF_ONE(tanh) OF_ONE(asinh) OF_ONE(acosh) OF_ONE(atanh)
OF_ONE(cbrt) OF_ONE(erf) OF_ONE(erfc) OF_ONE(tgamma) OF_ONE(lgamma)
OF_TWO(pow) OF_TWO(atan2) OF_TWO(hypot)
