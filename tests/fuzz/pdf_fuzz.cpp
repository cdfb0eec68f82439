// SPDX-License-Identifier: MIT
// The words, objects and streams of PDFs: told apart, unpacked and decoded without their table of objects, and
// without trust in a length; and what their pages show, as SVG.
#include "libfiona/anonymize/pdf_drawing.h"
#include "libfiona/anonymize/pdf_lexer.h"
#include "libfiona/anonymize/pdf_objects.h"
#include "tests/fuzz/fuzz.h"

using namespace fiona::anonymize;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    constexpr std::size_t most_bytes = 100'000;
    const auto pdf = as_text(data, size);
    if (const auto parts = parts_of(pdf, most_bytes)) {
        std::size_t held = 0;
        for (const auto& stream : parts->streams) {
            held += stream.bytes.size();
        }
        promise(held <= most_bytes);
        promise(parts->objects.size()
                <= most_bytes + size + 1); // an end of line behind each stream
    }
    for (std::size_t at = 0, before = 0; at < pdf.size(); before = at) {
        const auto word = next_pdf_word(pdf, at);
        promise(at > before && at <= pdf.size());
        if (word.kind == PdfWordKind::string) {
            promise(meant_by(word.written).size() <= 2 * word.written.size());
        }
    }
    promise(with_plain_names(pdf).size() <= size);
    promise(read_drawing(pdf).letters.size() <= size + 1);
    return 0;
}
