/* One thread's share of an epoch of GloVe as its authors' program computes it: double precision, vectors in one array
   and AdaGrad's sums in another, the bias behind each vector, contexts behind the words, gradients clipped at 100. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

static double clipped(double gradient) { return fmin(fmax(gradient, -100.0), 100.0); }

double epoch(const int32_t *words, const int32_t *contexts, const double *counts, long nonzeros, double *vectors,
             double *sums, long vocabulary, int dim, double alpha, double x_max, double eta) {
    double *step_i = malloc(dim * sizeof(double)), *step_j = malloc(dim * sizeof(double));
    double cost = 0;
    for (long k = 0; k < nonzeros; k++) {
        long i = (long)words[k] * (dim + 1), j = (contexts[k] + vocabulary) * (dim + 1);
        double difference = 0;
        for (int b = 0; b < dim; b++) difference += vectors[i + b] * vectors[j + b];
        difference += vectors[i + dim] + vectors[j + dim] - log(counts[k]);
        double weighted = counts[k] > x_max ? difference : pow(counts[k] / x_max, alpha) * difference;
        cost += 0.5 * weighted * difference;
        for (int b = 0; b < dim; b++) {
            double by_i = clipped(weighted * vectors[j + b]) * eta, by_j = clipped(weighted * vectors[i + b]) * eta;
            step_i[b] = by_i / sqrt(sums[i + b]);
            step_j[b] = by_j / sqrt(sums[j + b]);
            sums[i + b] += by_i * by_i;
            sums[j + b] += by_j * by_j;
        }
        for (int b = 0; b < dim; b++) {
            vectors[i + b] -= step_i[b];
            vectors[j + b] -= step_j[b];
        }
        double by_bias = eta * weighted;
        vectors[i + dim] -= by_bias / sqrt(sums[i + dim]);
        vectors[j + dim] -= by_bias / sqrt(sums[j + dim]);
        sums[i + dim] += by_bias * by_bias;
        sums[j + dim] += by_bias * by_bias;
    }
    free(step_i);
    free(step_j);
    return cost;
}
