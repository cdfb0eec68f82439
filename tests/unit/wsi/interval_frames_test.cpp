// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/wsi/level_frames.h"
#include "libfiona/wsi/tiff_tags.h"
#include "tests/support/ndpi_maker.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>

using namespace fiona;
using namespace fiona::wsi;
namespace fs = std::filesystem;

namespace {

/// Another place for one restart interval, written into a file that is being read.
void move_interval(const fs::path& path, const TiffEntry& starts, std::uint64_t number,
                   std::uint32_t place)
{
    const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    std::array<unsigned char, 4> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes.at(i) = static_cast<unsigned char>(place >> (8 * i));
    }
    REQUIRE(::pwrite(file.get(), bytes.data(), bytes.size(),
                     static_cast<off_t>(starts.value_offset + number * bytes.size()))
            == static_cast<ssize_t>(bytes.size()));
}

} // namespace

TEST_CASE("places of intervals that change while a level is cut are refused, not followed")
{
    const TempDir root;
    static_cast<void>(slide_maker::make_ndpi(
        root / "a.ndpi", {.width = 1024, .height = 512, .interval_width = 256, .levels = 2}));
    const auto slide = Slide::open(root / "a.ndpi");
    const auto level = slide.levels().front();
    const auto passage = pass_through(slide, level);
    REQUIRE(passage.frames);
    const auto& directory = slide.tiff().directories().at(level.directory);
    const auto* const starts = directory.find(tag::ndpi_mcu_starts);
    REQUIRE(starts != nullptr);
    const auto number = GENERATE(0U, 1U, 5U, 255U); // of 4 x 64
    const auto place = GENERATE(0U, 0x7fffffffU, 0xffffffffU);
    CAPTURE(number, place);

    move_interval(root / "a.ndpi", *starts, number, place);

    try {
        static_cast<void>(passage.frames->next());
        FAIL("a frame of bytes that lie elsewhere");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::data);
    }
}
