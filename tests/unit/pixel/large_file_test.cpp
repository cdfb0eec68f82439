// SPDX-License-Identifier: MIT
#include "libfiona/base/unique_fd.h"
#include "libfiona/dicom/library.h"
#include "libfiona/pixel/clean.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/pixel/pictures.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

// Memory does not grow with the number of frames.

using namespace fiona;
using namespace fiona::pixel;
namespace fs = std::filesystem;

namespace {

constexpr std::uint16_t rows = 512;
constexpr std::uint16_t columns = 1024;
constexpr std::uint64_t frame_bytes = std::uint64_t{2} * rows * columns;

/// The header says `frames` frames; of the file only the header and one line of text exist, the rest is
/// a hole.
fs::path sparse_film(const fs::path& file, std::uint32_t frames, std::uint32_t with_text)
{
    const dicom::Library library;
    DcmFileFormat format;
    auto& data = *format.getDataset();
    pictures::describe(data, {.rows = rows,
                              .columns = columns,
                              .bits_allocated = 16,
                              .bits_stored = 12,
                              .frames = static_cast<int>(frames)});
    REQUIRE(format.saveFile(file.c_str(), EXS_LittleEndianExplicit).good());
    const UniqueFd fd{::open(file.c_str(), O_WRONLY | O_CLOEXEC)};
    const auto header = static_cast<std::uint64_t>(::lseek(fd.get(), 0, SEEK_END));
    const auto length = frames * frame_bytes;
    std::string element{"\xe0\x7f\x10\x00OW\0\0", 8};
    for (unsigned shift = 0; shift < 32; shift += 8) {
        element.push_back(static_cast<char>(length >> shift & 0xffU));
    }
    REQUIRE(::pwrite(fd.get(), element.data(), element.size(), static_cast<off_t>(header)) == 12);
    REQUIRE(::ftruncate(fd.get(), static_cast<off_t>(header + 12 + length)) == 0);
    auto canvas = phantom::plain_canvas(rows, columns, 1, 0);
    phantom::draw_text(canvas, 100, 100, 3, "DOE JANE 4711");
    std::string words;
    for (const auto byte : canvas.bytes) {
        words.push_back(static_cast<char>(byte));
        words.push_back(static_cast<char>(byte >> 4U));
    }
    const auto at = header + 12 + with_text * frame_bytes;
    REQUIRE(::pwrite(fd.get(), words.data(), words.size(), static_cast<off_t>(at))
            == static_cast<ssize_t>(words.size()));
    return file;
}

} // namespace

TEST_CASE("a film of 300 MB, or of as many as FIONA_TEST_FILM_MB says, is cleaned in 128 MB")
{
    const auto* const wanted = std::getenv("FIONA_TEST_FILM_MB");
    const auto megabytes = wanted == nullptr ? 300UL : std::strtoul(wanted, nullptr, 10);
    const auto frames = static_cast<std::uint32_t>((megabytes << 20U) / frame_bytes);
    const TempDir root;
    const auto film = sparse_film(root / "film.dcm", frames, frames / 2);
    CleanOptions options;
    options.search = Search::detect;

    const auto report = clean_pixels(film, root / "out.dcm", options);

    CAPTURE(report.reason);
    CHECK(report.verdict == Verdict::masked);
    CHECK(report.frames == frames);
    REQUIRE(report.masks.size() == 1);
    CHECK(report.masks[0].first == frames / 2 + 1);
    CHECK(report.masks[0].last == frames / 2 + 1);
    struct rusage usage {};
    REQUIRE(::getrusage(RUSAGE_CHILDREN, &usage) == 0);
#ifndef __SANITIZE_ADDRESS__             // it keeps what was freed
    CHECK(usage.ru_maxrss < 128 * 1024); // kilobytes; the largest child so far
#endif
}
