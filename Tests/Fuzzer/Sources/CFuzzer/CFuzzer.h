// What libFuzzer offers to a mutator, as its documentation declares it.
#ifndef FQ_FUZZER_H
#define FQ_FUZZER_H

#include <stddef.h>
#include <stdint.h>

// Changes the first `size` of `capacity` bytes; returns the new size.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity);

#endif
