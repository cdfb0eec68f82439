// SPDX-License-Identifier: MIT
#include "tests/support/svs_maker.h"

#include "tests/support/tile_coder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace slide_maker {

namespace {

constexpr std::uint64_t compression_lzw = 5;
constexpr std::uint64_t compression_jpeg = 7;
constexpr unsigned strip_rows = 16;

bool is_jpeg(const SvsPlan& plan)
{
    return plan.coding == SvsCoding::jpeg_rgb || plan.coding == SvsCoding::jpeg_ycbcr;
}

JpegColour colour_of(const SvsPlan& plan)
{
    return plan.coding == SvsCoding::jpeg_ycbcr ? JpegColour::ycbcr : JpegColour::rgb;
}

std::uint64_t compression_of(const SvsPlan& plan)
{
    switch (plan.coding) {
    case SvsCoding::jpeg2000_ycc:
    case SvsCoding::jpeg2000_ycc_reversible: return 33003;
    case SvsCoding::jpeg2000_rgb:
    case SvsCoding::jpeg2000_rgb_reversible: return 33005;
    default: return compression_jpeg;
    }
}

std::string coded_tile(const SvsPlan& plan, unsigned variant)
{
    const auto picture = tissue(plan.tile, plan.tile, variant);
    switch (plan.coding) {
    case SvsCoding::jpeg2000_rgb:
        return jpeg_2000(picture, Wavelet::irreversible, ComponentTransform::inside);
    case SvsCoding::jpeg2000_rgb_reversible:
        return jpeg_2000(picture, Wavelet::reversible, ComponentTransform::inside);
    case SvsCoding::jpeg2000_ycc:
        return jpeg_2000(picture, Wavelet::irreversible, ComponentTransform::before);
    case SvsCoding::jpeg2000_ycc_reversible:
        return jpeg_2000(picture, Wavelet::reversible, ComponentTransform::before);
    default: return jpeg_without_tables(picture, colour_of(plan));
    }
}

std::string number(std::uint64_t value, std::size_t bytes)
{
    std::string text(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) {
        text[bytes - 1 - i] = static_cast<char>(value >> (8 * i));
    }
    return text;
}

class Maker {
public:
    Maker(const std::filesystem::path& path, const SvsPlan& plan)
        : m_plan{plan}, m_writer{path, plan.layout, plan.order}
    {
        for (unsigned i = 0; i < plan.variants; ++i) {
            auto tile = coded_tile(plan, i);
            if (!plan.comment.empty() && is_jpeg(plan)) { // behind the SOI
                tile.insert(2, "\xff\xfe" + number(plan.comment.size() + 2, 2) + plan.comment);
            }
            m_tiles.push_back(std::move(tile));
        }
        if (plan.bytes > 0) {
            std::uint64_t sum = 0;
            for (const auto& tile : m_tiles) {
                sum += tile.size();
            }
            const auto side = std::sqrt(static_cast<double>(plan.bytes) * plan.variants
                                        / static_cast<double>(sum));
            m_plan.width = m_plan.height =
                static_cast<unsigned>(std::lround(side) + 1) * plan.tile - plan.tile / 3;
        }
    }

    void make()
    {
        unsigned width = m_plan.width;
        unsigned height = m_plan.height;
        for (unsigned level = 0; level < m_plan.levels; ++level) {
            if (level == 1 && m_plan.hole > 0) {
                m_writer.leave_hole(m_plan.hole);
            }
            add_level(level, width, height);
            if (level == 0 && m_plan.has_thumbnail) {
                add_thumbnail();
            }
            width = std::max(1U, width / 4);
            height = std::max(1U, height / 4);
        }
        if (m_plan.has_label) {
            add_label();
        }
        if (m_plan.has_macro) {
            add_macro();
        }
        m_writer.finish();
    }

private:
    [[nodiscard]] std::string version() const
    {
        return m_plan.style == SvsStyle::old ? "Aperio Image Library v11.2.1 \n"
                                             : "Aperio Leica Biosystems GT450 v1.0.1 \n";
    }

    [[nodiscard]] std::string description(const std::string& what) const
    {
        auto text = version() + what;
        text += "|AppMag = 20|StripeWidth = 2040|MPP = 0.4990|Parmset = USM Filter";
        for (const auto& [key, value] : m_plan.identity) {
            text += fmt::format("|{} = {}", key, value);
        }
        return text
               + fmt::format("|Left = 25.691574|Top = 23.449873|OriginalWidth = {}|"
                             "OriginalHeight = {}",
                             m_plan.width, m_plan.height);
    }

    [[nodiscard]] std::vector<Field> basic(unsigned width, unsigned height,
                                           std::uint64_t compression,
                                           std::uint64_t photometric) const
    {
        return {longs(256, {width}),
                longs(257, {height}),
                shorts(258, {8, 8, 8}),
                shorts(259, {compression}),
                shorts(262, {photometric}),
                shorts(277, {3}),
                shorts(284, {1})};
    }

    void add_level(unsigned level, unsigned width, unsigned height)
    {
        const auto tile = m_plan.tile;
        const std::uint64_t count =
            std::uint64_t{(width + tile - 1) / tile} * ((height + tile - 1) / tile);
        std::vector<std::uint64_t> places;
        std::vector<std::uint64_t> lengths;
        places.reserve(count);
        lengths.reserve(count);
        for (std::uint64_t i = 0; i < count; ++i) {
            if (level == 0 && m_plan.missing.contains(i)) {
                places.push_back(0);
                lengths.push_back(0);
                continue;
            }
            const auto& bytes = m_tiles[(i * 7 + level) % m_tiles.size()];
            places.push_back(m_writer.add(bytes));
            lengths.push_back(bytes.size());
        }
        const auto photometric = m_plan.coding == SvsCoding::jpeg_ycbcr ? 6U : 2U;
        auto fields = basic(width, height, compression_of(m_plan), photometric);
        fields.push_back(longs(254, {0}));
        fields.push_back(
            ascii(270, description(fmt::format("{}x{} [0,0 {}x{}] ({}x{}) JPEG/RGB Q=75", width,
                                               height, width, height, tile, tile))));
        fields.push_back(shorts(322, {tile}));
        fields.push_back(shorts(323, {tile}));
        fields.push_back(offsets(324, std::move(places)));
        fields.push_back(longs(325, std::move(lengths)));
        if (is_jpeg(m_plan)) {
            fields.push_back(undefined(347, jpeg_tables(colour_of(m_plan))));
        }
        if (photometric == 6) {
            fields.push_back(shorts(530, {2, 2}));
        }
        add_extras(fields);
        m_writer.add_directory(std::move(fields));
    }

    void add_extras(std::vector<Field>& fields) const
    {
        if (m_plan.has_icc) {
            fields.push_back(undefined(34675, icc_profile("ScanScope serial SN-556677")));
        }
        if (m_plan.has_private_tags) {
            fields.push_back(ascii(305, "StainLabLine 4.2 at host7"));
            fields.push_back(ascii(306, "2022:03:14 09:41:07"));
            fields.push_back(ascii(315, "Operator Seventeen"));
            fields.push_back(ascii(316, "scan-host-22"));
            fields.push_back(longs(55000, {20'220'314}));
            fields.push_back(ascii(55001, "private text one"));
            fields.push_back(ascii(55002, "9k2"));
            fields.push_back(ascii(55003, "SS9981"));
            fields.push_back(ascii(55004, "03/14/22"));
        }
    }

    void add_jpeg_strips(const Picture& picture, std::uint64_t type, const std::string& text)
    {
        std::vector<std::uint64_t> places;
        std::vector<std::uint64_t> lengths;
        for (unsigned row = 0; row < picture.height; row += strip_rows) {
            const auto bytes =
                jpeg_without_tables(rows_of(picture, row, strip_rows), JpegColour::rgb);
            places.push_back(m_writer.add(bytes));
            lengths.push_back(bytes.size());
        }
        auto fields = basic(picture.width, picture.height, compression_jpeg, 2);
        fields.push_back(longs(254, {type}));
        fields.push_back(ascii(270, text));
        fields.push_back(offsets(273, std::move(places)));
        fields.push_back(shorts(278, {strip_rows}));
        fields.push_back(longs(279, std::move(lengths)));
        fields.push_back(undefined(347, jpeg_tables(JpegColour::rgb)));
        add_extras(fields);
        m_writer.add_directory(std::move(fields));
    }

    void add_thumbnail()
    {
        const auto width = std::min(m_plan.width, 512U);
        const auto height =
            std::max<unsigned>(1, static_cast<unsigned>(std::lround(
                                      static_cast<double>(width) * m_plan.height / m_plan.width)));
        add_jpeg_strips(tissue(width, height, 99), 0,
                        description(fmt::format("{}x{} -> {}x{} - ", m_plan.width, m_plan.height,
                                                width, height)));
    }

    void add_label()
    {
        const auto width = m_plan.macro_width * 3 / 8;
        const auto picture = glass(width, width * 11 / 9, 1.0);
        constexpr unsigned rows = 11;
        std::vector<std::uint64_t> places;
        std::vector<std::uint64_t> lengths;
        for (unsigned row = 0; row < picture.height; row += rows) {
            const auto bytes = lzw_strip(rows_of(picture, row, rows));
            places.push_back(m_writer.add(bytes));
            lengths.push_back(bytes.size());
        }
        auto fields = basic(picture.width, picture.height, compression_lzw, 2);
        fields.push_back(longs(254, {1}));
        fields.push_back(
            ascii(270, m_plan.style == SvsStyle::old
                           ? version() + fmt::format("label {}x{}", picture.width, picture.height)
                           : version()));
        fields.push_back(offsets(273, std::move(places)));
        fields.push_back(shorts(278, {rows}));
        fields.push_back(longs(279, std::move(lengths)));
        fields.push_back(shorts(317, {2}));
        m_writer.add_directory(std::move(fields));
    }

    void add_macro()
    {
        const auto picture = glass(m_plan.macro_width, m_plan.macro_width / 3, 0.30);
        add_jpeg_strips(picture, 9,
                        m_plan.style == SvsStyle::old
                            ? version() + fmt::format("macro {}x{}", picture.width, picture.height)
                            : version());
    }

    SvsPlan m_plan;
    TiffWriter m_writer;
    std::vector<std::string> m_tiles{};
};

} // namespace

std::vector<std::string> make_svs(const std::filesystem::path& path, const SvsPlan& plan)
{
    Maker{path, plan}.make();
    std::vector<std::string> secrets;
    for (const auto& [key, value] : plan.identity) {
        secrets.push_back(value);
    }
    if (plan.has_private_tags) {
        secrets.insert(secrets.end(), {"StainLabLine 4.2 at host7", "2022:03:14 09:41:07",
                                       "Operator Seventeen", "scan-host-22", "private text one"});
    }
    if (plan.has_icc) {
        secrets.emplace_back("SN-556677");
    }
    std::erase_if(secrets, [](const std::string& text) { return text.size() < 4; });
    return secrets;
}

std::string icc_profile(const std::string& text)
{
    const auto xyz = [](std::uint64_t x, std::uint64_t y, std::uint64_t z) {
        return "XYZ " + number(0, 4) + number(x, 4) + number(y, 4) + number(z, 4);
    };
    auto name =
        "desc" + number(0, 4) + number(text.size() + 1, 4) + text + '\0' + std::string(78, '\0');
    name.resize((name.size() + 3) / 4 * 4);
    const auto gamma = "curv" + number(0, 4) + number(1, 4) + number(0x0233, 2) + number(0, 2);
    const std::vector<std::pair<std::string, std::string>> tags{
        {"desc", name},
        {"cprt", "text" + number(0, 4) + "copyright " + text + '\0'},
        {"wtpt", xyz(0xf6d6, 0x10000, 0xd32d)},
        {"rXYZ", xyz(0x6fa2, 0x38f5, 0x0390)},
        {"gXYZ", xyz(0x6299, 0xb785, 0x18da)},
        {"bXYZ", xyz(0x24a0, 0x0f84, 0xb6cf)},
        {"rTRC", gamma},
        {"gTRC", gamma},
        {"bTRC", gamma}};
    std::string table = number(tags.size(), 4);
    std::string data;
    const auto start = 128 + 4 + 12 * tags.size();
    for (const auto& [signature, element] : tags) {
        table += signature + number(start + data.size(), 4) + number(element.size(), 4);
        data += element;
        data.resize((data.size() + 3) / 4 * 4);
    }
    auto header = number(start + data.size(), 4) + "lcms" + number(0x02100000, 4) + "scnrRGB XYZ ";
    for (const auto part : {2022, 3, 14, 9, 41, 7}) {
        header += number(static_cast<std::uint64_t>(part), 2);
    }
    header += "acspAPPL" + number(0, 4) + "APER" + "9981" + number(0, 8) + number(0, 4);
    header += number(0xf6d6, 4) + number(0x10000, 4) + number(0xd32d, 4);
    header.resize(128);
    return header + table + data;
}

} // namespace slide_maker
