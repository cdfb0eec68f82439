// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/wsi/slide.h"
#include "tests/support/ndpi_maker.h"
#include "tests/support/svs_maker.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

// Damage a scanner, a disk or a stranger may do to a slide: each is refused before work begins.

using namespace fiona;
using namespace fiona::wsi;

namespace {

constexpr std::size_t most = std::size_t{64} << 20U;

std::string made_svs(const TempDir& root, slide_maker::Layout layout)
{
    slide_maker::SvsPlan plan;
    plan.width = 300;
    plan.height = 200;
    plan.tile = 64;
    plan.variants = 2;
    plan.layout = layout;
    slide_maker::make_svs(root / "whole.svs", plan);
    return read_file(root / "whole.svs", most);
}

std::string number(std::uint64_t value, std::size_t bytes)
{
    std::string text;
    for (std::size_t i = 0; i < bytes; ++i) {
        text.push_back(static_cast<char>(value >> (8 * i)));
    }
    return text;
}

void check_refused(const TempDir& root, const std::string& bytes)
{
    store::write_file(root / "damaged.svs", bytes);
    try {
        static_cast<void>(Slide::open(root / "damaged.svs"));
        FAIL("it was taken for a slide");
    } catch (const Error& error) {
        CAPTURE(error.what());
        CHECK(error.fault() == Fault::data);
        CHECK(std::string{error.what()}.find("damaged.svs") == std::string::npos);
    }
}

/// The bytes of a slide with a field of its first directory changed.
class Damage {
public:
    Damage(const TempDir& root, slide_maker::Layout layout)
        : m_bytes{made_svs(root, layout)}, m_file{root / "whole.svs"}, m_tiff{m_file},
          m_is_big{layout == slide_maker::Layout::big}
    {
    }

    [[nodiscard]] const TiffDirectory& directory(std::size_t index = 0) const
    {
        return m_tiff.directories().at(index);
    }
    [[nodiscard]] const TiffEntry& entry(std::uint16_t tag) const { return *directory().find(tag); }
    [[nodiscard]] std::size_t word() const { return m_is_big ? 8 : 4; }
    Damage& put(std::uint64_t place, std::uint64_t value, std::size_t bytes)
    {
        m_bytes.replace(place, bytes, number(value, bytes));
        return *this;
    }
    Damage& count(std::uint16_t tag, std::uint64_t value)
    {
        return put(entry(tag).entry_offset + 4, value, word());
    }
    [[nodiscard]] const std::string& bytes() const { return m_bytes; }

private:
    std::string m_bytes;
    SlideFile m_file;
    Tiff m_tiff;
    bool m_is_big;
};

} // namespace

TEST_CASE("directories that form a loop are refused")
{
    const TempDir root;
    const auto layout = GENERATE(slide_maker::Layout::classic, slide_maker::Layout::big);
    Damage damage{root, layout};
    const auto target = GENERATE(0U, 2U);

    damage.put(damage.directory(3).next_offset, damage.directory(target).offset, damage.word());

    check_refused(root, damage.bytes());
}

TEST_CASE("offsets outside the file are refused")
{
    const TempDir root;
    const auto layout = GENERATE(slide_maker::Layout::classic, slide_maker::Layout::big);
    Damage damage{root, layout};
    const auto size = damage.bytes().size();
    const auto kind = GENERATE(0, 1, 2, 3, 4);
    CAPTURE(kind);

    switch (kind) {
    case 0: // the first directory
        damage.put(layout == slide_maker::Layout::big ? 8 : 4, size + 2, damage.word());
        break;
    case 1: // the next one
        damage.put(damage.directory().next_offset, 0xfffffff0, damage.word());
        break;
    case 2: // a value
        damage.put(damage.entry(270).entry_offset + 4 + damage.word(), size - 3, damage.word());
        break;
    case 3: // a tile's place
        damage.put(damage.entry(324).value_offset, size, damage.word());
        break;
    default: // a tile's length
        damage.put(damage.entry(325).value_offset, 0x7fffffff, 4);
        break;
    }

    check_refused(root, damage.bytes());
}

TEST_CASE("counts that do not fit are refused, and take no memory")
{
    const TempDir root;
    const auto layout = GENERATE(slide_maker::Layout::classic, slide_maker::Layout::big);
    Damage damage{root, layout};
    const auto kind = GENERATE(0, 1, 2, 3, 4, 5, 6);
    CAPTURE(kind);

    switch (kind) {
    case 0: // too few tiles
        damage.count(324, damage.entry(324).count - 1);
        break;
    case 1: // more than the file
        damage.count(324, 0xffffffff);
        break;
    case 2: // more than there is memory
        damage.count(270, layout == slide_maker::Layout::big ? 0xffffffffffffffff : 0xffffffff);
        break;
    case 3: // entries of a directory
        damage.put(damage.directory().offset, 0xffff, 2);
        break;
    case 4: // no entries
        damage.put(damage.directory().offset, 0, 2);
        break;
    case 5: // tables of all tiles that are longer than the file
        damage.count(347, 0x7fffffff);
        break;
    default: // a picture as wide as no glass is
        damage.put(damage.entry(256).value_offset, 0xffffffff, 4);
        break;
    }

    check_refused(root, damage.bytes());
}

TEST_CASE("a picture without its tables, its size or its tiles' size is refused")
{
    const TempDir root;
    Damage damage{root, slide_maker::Layout::classic};
    const auto tag = GENERATE(as<std::uint16_t>{}, 256, 257, 323, 324, 325);
    CAPTURE(tag);

    damage.put(damage.entry(tag).entry_offset, 60'000, 2); // another tag

    check_refused(root, damage.bytes());
}

TEST_CASE("a slide that was cut anywhere is refused")
{
    const TempDir root;
    const auto layout = GENERATE(slide_maker::Layout::classic, slide_maker::Layout::big);
    const auto bytes = made_svs(root, layout);

    for (const auto part : {0.0, 0.00001, 0.0001, 0.1, 0.5, 0.9, 0.999, 0.99999}) {
        CAPTURE(part);
        check_refused(root, bytes.substr(0, static_cast<std::size_t>(
                                                part * static_cast<double>(bytes.size()))));
    }
}

TEST_CASE("an NDPI slide that was cut anywhere is refused")
{
    const TempDir root;
    slide_maker::NdpiPlan plan;
    plan.width = 1024;
    plan.height = 500;
    plan.levels = 2;
    slide_maker::make_ndpi(root / "whole.ndpi", plan);
    const auto bytes = read_file(root / "whole.ndpi", most);

    for (const auto part : {0.0, 0.0001, 0.1, 0.5, 0.9, 0.999}) {
        CAPTURE(part);
        check_refused(root, bytes.substr(0, static_cast<std::size_t>(
                                                part * static_cast<double>(bytes.size()))));
    }
}

TEST_CASE("directories below others may not form a loop either")
{
    const TempDir root;
    {
        slide_maker::TiffWriter writer{root / "loop.svs"};
        writer.add_directory({slide_maker::longs(330, {8}), slide_maker::longs(256, {1})});
        writer.finish();
    }

    check_refused(root, read_file(root / "loop.svs"));
}

TEST_CASE("more directories than a slide has are refused")
{
    const TempDir root;
    {
        slide_maker::TiffWriter writer{root / "many.svs"};
        for (int i = 0; i < 1001; ++i) {
            writer.add_directory({slide_maker::longs(256, {1})});
        }
        writer.finish();
    }

    check_refused(root, read_file(root / "many.svs"));
}

TEST_CASE("more levels than a picture can be halved are refused")
{
    const TempDir root;
    const auto levels = GENERATE(32U, 33U);
    {
        slide_maker::TiffWriter writer{root / "deep.tiff"};
        const auto tile = writer.add("a tile");
        for (std::uint64_t i = 0; i < levels; ++i) {
            writer.add_directory({slide_maker::longs(254, {i == 0 ? 0U : 1U}),
                                  slide_maker::longs(256, {1000 - i}),
                                  slide_maker::longs(257, {1000 - i}),
                                  slide_maker::longs(322, {1024}), slide_maker::longs(323, {1024}),
                                  slide_maker::offsets(324, {tile}), slide_maker::longs(325, {6})});
        }
        writer.finish();
    }

    if (levels == 32) {
        CHECK(Slide::open(root / "deep.tiff").levels().size() == 32);
    } else {
        check_refused(root, read_file(root / "deep.tiff"));
    }
}
