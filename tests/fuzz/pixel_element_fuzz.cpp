// SPDX-License-Identifier: MIT
// The pixel data element as a stranger's: refused, or cleared of what is no picture, and then nothing is left
// to clear. The first byte chooses the transfer syntax, the second the number of frames; the element follows.
#include "libfiona/base/error.h"
#include "libfiona/dicom/pixel_element.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <array>
#include <vector>

using namespace fiona;
using namespace fiona::dicom;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    constexpr std::size_t choices = 2;
    if (size < choices) {
        return 0;
    }
    constexpr std::array<const char*, 8> syntaxes{
        "1.2.840.10008.1.2.1",    "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70",
        "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5",
        "1.2.840.10008.1.2.8.1",  "1.2.840.10008.1.2.1.98"};
    const auto* const syntax = syntaxes.at(data[0] % syntaxes.size());
    const PixelShape shape{.rows = 4, .columns = 4, .bits_allocated = 8, .frames = data[1]};
    const auto given = std::as_bytes(std::span{data, size}).subspan(choices);
    std::vector<std::byte> bytes{given.begin(), given.end()};
    try {
        const auto element = read_pixel_element(bytes, 0, Coding::explicit_little);
        require_legal(element, syntax);
        promise(end_of(bytes, element) <= bytes.size());
        if (element.is_encapsulated) {
            promise(behind_bad_offset_table(bytes, element).value_or(0) <= bytes.size());
            static_cast<void>(fit_fragments(bytes, element, given.last(8), given.last(8)));
        }
        find_remarks(bytes, element, syntax, shape, [&](const ByteRange& range) {
            promise(range.end() <= bytes.size() && range.bytes > 0);
            std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(range.offset), range.bytes,
                        std::byte{0});
        });
        find_remarks(bytes, element, syntax, shape, [](const ByteRange&) { promise(false); });
    } catch (const Error& error) {
        promise(error.fault() == Fault::data);
    }
    return 0;
}
