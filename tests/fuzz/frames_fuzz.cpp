// SPDX-License-Identifier: MIT
// Offset tables and fragments of compressed pixel data: refused, or every frame has its fragments. Nothing
// is decoded: that is done in a limited child. The first bytes choose syntax and number of frames.
#include "libfiona/base/error.h"
#include "libfiona/pixel/frame_source.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"

#include <array>

using namespace fiona;
using namespace fiona::pixel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    constexpr std::size_t choices = 2;
    if (size < choices) {
        return 0;
    }
    constexpr std::array<const char*, 5> syntaxes{"1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50",
                                                  "1.2.840.10008.1.2.4.80",
                                                  "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"};
    PixelDescription description;
    description.layout.rows = 16;
    description.layout.columns = 16;
    description.frames = 1U + data[1]; // PixelDescription::read() refuses none
    const MemoryFile file{data + choices, size - choices};
    if (!file.is_whole()) {
        return 0;
    }
    try {
        const FrameSource source{file.fd(), 0, syntaxes.at(data[0] % syntaxes.size()), description};
        for (std::uint32_t frame = 0; source.element().is_encapsulated && frame < source.frames();
             ++frame) {
            promise(!source.fragments(frame).empty());
        }
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
    }
    return 0;
}
