// SPDX-License-Identifier: MIT
// Object streams of PDFs: found, unpacked and searched without a parser, and without trust in a length; and
// what their pages show, as SVG.
#include "libfiona/anonymize/pdf_drawing.h"
#include "libfiona/anonymize/pdf_objects.h"
#include "tests/fuzz/fuzz.h"

using namespace fiona::anonymize;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    constexpr std::size_t most_bytes = 100'000;
    const auto pdf = as_text(data, size);
    const auto objects = objects_in_streams(pdf, most_bytes);
    promise(!objects || objects->size() <= most_bytes);
    promise(objects || with_plain_names(pdf).find("/ObjStm") != std::string::npos);
    promise(with_plain_names(pdf).size() <= size);
    promise(read_drawing(pdf).letters.size() <= size + 1);
    return 0;
}
