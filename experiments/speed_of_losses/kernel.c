/* The binary cross-entropy by hand: one pass, one exp for value and gradient, vectors and threads.
 *
 *     e = exp(-|x|),  q = e / (1 + e),  w = x > 0 ? 1 - y : y
 *     loss = w |x| + log1p(e),  gradient = x > 0 ? w - q : q - w
 *
 * Both forms keep their digits in the tails.  Sums run in float over a block, in double over blocks.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096 };

/* exp(-a) for a >= 0 within 1 ulp; 2^-126 beyond a = 87.3.
 * a = n ln 2 - r, |r| <= ln 2 / 2; Taylor to r^6 is off by 1.2e-7 at most, less than one ulp. */
static inline float decay(float a) {
    float t = fminf(a * 1.44269504f, 126.0f);
    int32_t n = (int32_t)(t + 0.5f);
    float r = fmaf((float)n, 0.693359375f, -fminf(a, 87.33654f)); /* ln 2 in two parts */
    r = fmaf((float)n, -2.12194440e-4f, r);
    float p = fmaf(r, 1.0f / 720, 1.0f / 120);
    p = fmaf(p, r, 1.0f / 24);
    p = fmaf(p, r, 1.0f / 6);
    p = fmaf(p, r, 0.5f);
    p = fmaf(p * r, r, r) + 1.0f;
    int32_t bits;
    memcpy(&bits, &p, sizeof bits);
    bits -= n << 23; /* times 2^-n */
    memcpy(&p, &bits, sizeof p);
    return p;
}

/* log(1 + e) for 0 <= e <= 1, as 2 artanh(s) with s = e / (2 + e) <= 1/3: its series to s^13. */
static inline float log1p_of(float e) {
    float s = e / (2.0f + e), v = s * s;
    float p = fmaf(v, 2.0f / 13, 2.0f / 11);
    p = fmaf(p, v, 2.0f / 9);
    p = fmaf(p, v, 2.0f / 7);
    p = fmaf(p, v, 2.0f / 5);
    p = fmaf(p, v, 2.0f / 3);
    return fmaf(p * v, s, 2.0f * s);
}

static inline float away(float x, float y) { return x > 0 ? 1.0f - y : y; }

static inline float slope(float x, float w, float e) {
    float g = w - e / (1.0f + e);
    return x > 0 ? g : -g;
}

/* Each block of all of them, threads sharing the blocks. */
#define EACH_BLOCK(sum)                                                                  \
    _Pragma("omp parallel for num_threads(threads) schedule(static) reduction(+ : sum)") \
    for (int64_t start = 0; start < n; start += BLOCK)
#define IN_BLOCK(part)                                    \
    int64_t stop = start + BLOCK < n ? start + BLOCK : n; \
    float part = 0;                                       \
    _Pragma("omp simd reduction(+ : part)")               \
    for (int64_t i = start; i < stop; i++)

double mean_loss(int64_t n, const float *x, const float *y, int threads) {
    double sum = 0;
    EACH_BLOCK(sum) {
        IN_BLOCK(part) {
            float a = fabsf(x[i]);
            part += away(x[i], y[i]) * a + log1p_of(decay(a));
        }
        sum += part;
    }
    return sum / n;
}

double mean_and_gradient(int64_t n, const float *x, const float *y, float *gradient, int threads) {
    double sum = 0;
    float share = 1.0f / n;
    EACH_BLOCK(sum) {
        IN_BLOCK(part) {
            float a = fabsf(x[i]), w = away(x[i], y[i]), e = decay(a);
            part += w * a + log1p_of(e);
            gradient[i] = share * slope(x[i], w, e);
        }
        sum += part;
    }
    return sum / n;
}

/* The same where the gradient is not kept: a large array comes from the system, page by page. */
double mean_and_fresh_gradient(int64_t n, const float *x, const float *y, int threads) {
    float *gradient = malloc(n * sizeof *gradient);
    double mean = gradient ? mean_and_gradient(n, x, y, gradient, threads) : NAN;
    free(gradient);
    return mean;
}

void gradient_of_mean(int64_t n, const float *x, const float *y, float *gradient, int threads) {
    float share = 1.0f / n;
#pragma omp parallel for simd num_threads(threads) schedule(static)
    for (int64_t i = 0; i < n; i++)
        gradient[i] = share * slope(x[i], away(x[i], y[i]), decay(fabsf(x[i])));
}

/* The limits: nothing but the traffic. */
double read_both(int64_t n, const float *x, const float *y, int threads) {
    double sum = 0;
    EACH_BLOCK(sum) {
        IN_BLOCK(part) { part += x[i] * y[i]; }
        sum += part;
    }
    return sum / n;
}

void read_both_write_one(int64_t n, const float *x, const float *y, float *out, int threads) {
#pragma omp parallel for simd num_threads(threads) schedule(static)
    for (int64_t i = 0; i < n; i++)
        out[i] = x[i] + y[i];
}

int lanes(void) {
#if defined(__AVX512F__)
    return 16;
#elif defined(__AVX2__)
    return 8;
#else
    return 4;
#endif
}
