// SPDX-License-Identifier: MIT
// The data set that de-identification reads and writes: refused, or written to the same bytes again.
// The first byte chooses the encoding.
#include "libfiona/anonymize/data_set.h"
#include "libfiona/base/error.h"
#include "tests/fuzz/fuzz.h"

using namespace fiona;
using namespace fiona::anonymize;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) {
        return 0;
    }
    constexpr unsigned encodings = 3;
    const auto choice = data[0] % encodings;
    const auto encoding = choice == 0   ? Encoding::explicit_little
                          : choice == 1 ? Encoding::implicit_little
                                        : Encoding::explicit_big;
    try {
        const auto text = as_text(data + 1, size - 1);
        const auto parsed = read_data_set(text, encoding);
        const auto once = write_data_set(parsed.root, encoding);
        const auto again = read_data_set(once, encoding);
        promise(write_data_set(again.root, encoding) == once);
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
    }
    return 0;
}
