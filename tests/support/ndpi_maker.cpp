// SPDX-License-Identifier: MIT
#include "tests/support/ndpi_maker.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/unique_fd.h"

#include <fcntl.h>
#include <jpeglib.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace slide_maker {

namespace {

constexpr unsigned most_drawn_rows = 8; ///< rows of MCUs that differ; the rest repeats them

/// Pixels of an MCU.
struct Mcu {
    explicit Mcu(ChromaSampling chroma)
        : width{chroma == ChromaSampling::full ? 8U : 16U}, height{
                                                                chroma == ChromaSampling::half_both
                                                                    ? 16U
                                                                    : 8U}
    {
    }
    unsigned width;
    unsigned height;
};

struct Entry {
    std::uint16_t tag = 0;
    std::uint16_t type = 0; ///< as TIFF 6.0 numbers them
    std::uint64_t count = 1;
    std::uint64_t value = 0; ///< or where it lies
};

/// One level before it is written: header, and the intervals of its rows without markers.
struct Drawn {
    std::string header;
    std::vector<std::vector<std::string>> rows;
    std::string all; ///< the whole JPEG
};

void put(std::string& to, std::uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; ++i) {
        to.push_back(static_cast<char>((value >> (8 * i)) & 255U));
    }
}

/// Tissue of a kind: waves of two colours and noise, another one in each row.
std::string draw_jpeg(unsigned width, unsigned height, const Mcu& mcu, unsigned interval_mcus)
{
    jpeg_compress_struct state{};
    jpeg_error_mgr errors{};
    unsigned char* bytes = nullptr;
    unsigned long count = 0;
    state.err = jpeg_std_error(&errors);
    jpeg_create_compress(&state);
    jpeg_mem_dest(&state, &bytes, &count);
    state.image_width = width;
    state.image_height = height;
    state.input_components = 3;
    state.in_color_space = JCS_RGB;
    jpeg_set_defaults(&state);
    jpeg_set_quality(&state, 80, TRUE);
    state.comp_info[0].h_samp_factor = static_cast<int>(mcu.width / 8);
    state.comp_info[0].v_samp_factor = static_cast<int>(mcu.height / 8);
    state.restart_interval = interval_mcus;
    jpeg_start_compress(&state, TRUE);
    std::vector<JSAMPLE> row(std::size_t{width} * 3);
    std::uint32_t noise = width;
    for (unsigned y = 0; y < height; ++y) {
        for (unsigned x = 0; x < width; ++x) {
            noise = noise * 1664525U + 1013904223U;
            const auto wave = ((x + 3 * y) / 4 ^ (x / 64 + y / 32) * 37U) & 63U;
            const auto grain = noise >> 28U;
            row[std::size_t{x} * 3] = static_cast<JSAMPLE>(160 + wave + grain);
            row[std::size_t{x} * 3 + 1] = static_cast<JSAMPLE>(90 + wave * 2 + grain);
            row[std::size_t{x} * 3 + 2] = static_cast<JSAMPLE>(150 + wave + (x + y) % 32);
        }
        JSAMPROW line = row.data();
        jpeg_write_scanlines(&state, &line, 1);
    }
    jpeg_finish_compress(&state);
    std::string text{bytes, bytes + count};
    jpeg_destroy_compress(&state);
    std::free(bytes); // NOLINT(cppcoreguidelines-no-malloc) jpeg_mem_dest's own
    return text;
}

/// Where the entropy-coded data begin.
std::size_t scan_of(const std::string& jpeg)
{
    const auto at = jpeg.find("\xff\xda");
    const auto length = static_cast<unsigned char>(jpeg.at(at + 3)); // below 256
    return at + 2 + length;
}

Drawn draw(unsigned width, unsigned rows, const Mcu& mcu, unsigned interval_width)
{
    Drawn drawn;
    drawn.all = draw_jpeg(width, rows * mcu.height, mcu, interval_width / mcu.width);
    const auto scan = scan_of(drawn.all);
    drawn.header = drawn.all.substr(0, scan);
    std::string interval;
    const auto across = width / interval_width;
    for (auto at = scan; at + 1 < drawn.all.size(); ++at) {
        const auto next = static_cast<unsigned char>(drawn.all[at + 1]);
        if (drawn.all[at] != '\xff' || next == 0) {
            interval.push_back(drawn.all[at]);
            if (drawn.all[at] == '\xff') {
                interval.push_back(drawn.all[++at]);
            }
            continue;
        }
        if (drawn.rows.empty() || drawn.rows.back().size() == across) {
            drawn.rows.emplace_back();
        }
        drawn.rows.back().push_back(std::move(interval));
        interval.clear();
        ++at;
    }
    return drawn;
}

void set_size(std::string& header, unsigned width, unsigned height)
{
    const auto at = header.find("\xff\xc0");
    header[at + 5] = static_cast<char>(height >> 8U);
    header[at + 6] = static_cast<char>(height & 255U);
    header[at + 7] = static_cast<char>(width >> 8U);
    header[at + 8] = static_cast<char>(width & 255U);
}

class NdpiWriter {
public:
    NdpiWriter(const std::filesystem::path& path, const NdpiPlan& plan)
        : m_fd{::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)}, m_plan{plan}
    {
        if (m_fd.get() < 0) {
            throw fiona::os_error(errno, "make a slide");
        }
        std::string head{"II*\0", 4};
        put(head, 0, 8); // the first directory, later
        add(head);
        if (plan.hole != 0) {
            m_end += plan.hole;
            if (::lseek(m_fd.get(), static_cast<off_t>(m_end), SEEK_SET) < 0) {
                throw fiona::os_error(errno, "leave a hole");
            }
        }
    }

    /// A level with restart markers, and its directory.
    void add_level(unsigned width, unsigned height)
    {
        const Mcu mcu{m_plan.chroma};
        auto rows = (height + mcu.height - 1) / mcu.height;
        const auto drawn = draw(width, std::min(rows, most_drawn_rows), mcu, m_plan.interval_width);
        if (m_first_height == 0 && m_plan.bytes != 0) {
            rows = rows_for_bytes(drawn);
            height = rows * mcu.height;
        }
        m_first_height = m_first_height == 0 ? height : m_first_height;
        auto header = drawn.header;
        const bool fits = width <= 65500 && height <= 65500 && m_plan.has_true_size;
        set_size(header, fits ? width : 0, fits ? height : 0);
        const auto begin = m_end;
        add(header);
        std::vector<std::uint64_t> starts;
        std::uint64_t number = 0;
        const auto across = width / m_plan.interval_width;
        std::string text;
        for (unsigned row = 0; row < rows; ++row) {
            text.clear();
            for (const auto& interval : drawn.rows[row % drawn.rows.size()]) {
                starts.push_back(m_end + text.size() - begin);
                text += interval;
                const bool is_last = number + 1 == std::uint64_t{rows} * across;
                text.push_back('\xff');
                text.push_back(is_last ? '\xd9' : static_cast<char>(0xd0 + number % 8));
                ++number;
            }
            add(text);
        }
        const auto bytes = m_end - begin;
        auto entries =
            picture(width, height, begin, bytes, 7,
                    20.0F * static_cast<float>(width) / static_cast<float>(m_plan.width));
        if (m_plan.mcu_starts != McuStarts::absent) {
            add_starts(entries, starts, bytes);
        }
        add_directory(std::move(entries));
    }

    /// A picture that is one JPEG without restart markers.
    void add_whole(unsigned width, unsigned height, float lens)
    {
        const auto jpeg = draw_jpeg(width, height, Mcu{m_plan.chroma}, 0);
        const auto begin = m_end;
        add(jpeg);
        add_directory(picture(width, height, begin, jpeg.size(), 7, lens));
    }

    void add_map(unsigned width, unsigned height)
    {
        const auto begin = m_end;
        add(std::string(std::size_t{width} * height, '\x80'));
        add_directory(picture(width, height, begin, std::uint64_t{width} * height, 1, -2.0F));
    }

    [[nodiscard]] unsigned first_height() const { return m_first_height; }

private:
    void add(const std::string& bytes)
    {
        fiona::write_all(m_fd.get(), bytes, "a slide");
        m_end += bytes.size();
    }

    [[nodiscard]] unsigned rows_for_bytes(const Drawn& drawn) const
    {
        std::uint64_t bytes = 0;
        for (const auto& row : drawn.rows) {
            for (const auto& interval : row) {
                bytes += interval.size() + 2;
            }
        }
        const auto row_bytes = bytes / drawn.rows.size();
        return static_cast<unsigned>(std::max<std::uint64_t>(m_plan.bytes / row_bytes, 1)) / 64 * 64
               + 64;
    }

    [[nodiscard]] static std::vector<Entry> picture(unsigned width, unsigned height,
                                                    std::uint64_t begin, std::uint64_t bytes,
                                                    std::uint16_t compression, float lens)
    {
        constexpr std::uint64_t grey = 1;
        constexpr std::uint64_t ycbcr = 6;
        const bool is_jpeg = compression == 7;
        return {{254, 4, 1, 0},
                {256, 4, 1, width},
                {257, 4, 1, height},
                {259, 3, 1, compression},
                {262, 3, 1, is_jpeg ? ycbcr : grey},
                {273, 4, 1, begin},
                {277, 3, 1, is_jpeg ? 3U : 1U},
                {278, 4, 1, height},
                {279, 4, 1, bytes},
                {296, 3, 1, 3},
                {65420, 4, 1, 1},
                {65421, 11, 1, std::bit_cast<std::uint32_t>(lens)},
                {65422, 9, 1, 1'250'000},
                {65423, 9, 1, 2'500'000},
                {65424, 9, 1, 0}};
    }

    void add_starts(std::vector<Entry>& entries, std::vector<std::uint64_t> starts,
                    std::uint64_t strip_bytes)
    {
        if (m_plan.mcu_starts == McuStarts::wrong && starts.size() > 2) {
            std::swap(starts[1], starts[2]);
        }
        std::string low;
        std::string high;
        for (const auto start : starts) {
            put(low, start & 0xffffffffU, 4);
            put(high, start >> 32U, 4);
        }
        entries.push_back({65426, 4, starts.size(), value_of(low)});
        if (strip_bytes > 0xffffffff) {
            entries.push_back({65432, 4, starts.size(), value_of(high)});
        }
    }

    /// Where a value lies, or itself if it fits into the entry.
    std::uint64_t value_of(const std::string& bytes)
    {
        if (bytes.size() <= 4) {
            std::uint64_t value = 0;
            for (std::size_t i = 0; i < bytes.size(); ++i) {
                value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
            }
            return value;
        }
        const auto place = m_end;
        add(bytes + (bytes.size() % 2 != 0 ? std::string(1, '\0') : std::string{}));
        return place;
    }

    void add_text(std::vector<Entry>& entries, std::uint16_t tag, std::uint16_t type,
                  const std::string& text)
    {
        const auto bytes = text + std::string(1, '\0');
        entries.push_back({tag, type, bytes.size(), value_of(bytes)});
    }

    void add_directory(std::vector<Entry> entries)
    {
        std::string resolution;
        const auto lens = std::ranges::find(entries, 65421, &Entry::tag)->value;
        const auto power = std::bit_cast<float>(static_cast<std::uint32_t>(lens));
        put(resolution, static_cast<std::uint64_t>(power > 0 ? power * 1000.0F : 500.0F), 4);
        put(resolution, 1, 4);
        const auto place = value_of(resolution);
        entries.push_back({282, 5, 1, place});
        entries.push_back({283, 5, 1, place});
        add_text(entries, 271, 2, "Hamamatsu");
        add_text(entries, 272, 2, "C13210");
        add_text(entries, 305, 2, "NDP.scan 3.3.5");
        add_text(entries, 306, 2, "2022/03/14 09:41:07");
        add_text(entries, 65427, 2, "PROVE-04711");
        add_text(entries, 65428, 7, "AUTH-55109");
        add_text(entries, 65442, 2, "SN-330077");
        add_text(entries, 65449, 2,
                 "Created=2022/03/14\r\nUpdated=2022/03/15\r\nNDP.S/N=SN-330077\r\n"
                 "Macro.S/N=MC-990011\r\nFirmware.Version=2.60\r\nProduct=NanoZoomer-XR\r\n"
                 "Objective.Lens.Magnificant=20\r\nOperator=Testesen\r\n");
        add_text(entries, 65468, 2, "BC-778812-A");
        std::ranges::sort(entries, {}, &Entry::tag);
        if (m_end % 2 != 0) {
            add(std::string(1, '\0'));
        }
        const auto begin = m_end;
        std::string text;
        std::string high_words;
        put(text, entries.size(), 2);
        for (const auto& entry : entries) {
            put(text, entry.tag, 2);
            put(text, entry.type, 2);
            put(text, entry.count, 4);
            put(text, entry.value & 0xffffffffU, 4);
            put(high_words, entry.value >> 32U, 4);
        }
        const auto next = begin + text.size();
        put(text, 0, 8);
        add(text + high_words);
        std::string pointer;
        put(pointer, begin, 8);
        if (::pwrite(m_fd.get(), pointer.data(), pointer.size(), static_cast<off_t>(m_pointer))
            != static_cast<ssize_t>(pointer.size())) {
            throw fiona::os_error(errno, "link a directory");
        }
        m_pointer = next;
    }

    fiona::UniqueFd m_fd;
    NdpiPlan m_plan;
    std::uint64_t m_end = 0;
    std::uint64_t m_pointer = 4; ///< where the next directory's place is to be written
    unsigned m_first_height = 0;
};

} // namespace

std::vector<std::string> make_ndpi(const std::filesystem::path& path, const NdpiPlan& plan)
{
    NdpiWriter writer{path, plan};
    for (unsigned level = 0; level + 1 < plan.levels; ++level) {
        const auto height = level == 0 ? plan.height : writer.first_height() >> level;
        writer.add_level(plan.width >> level, height);
    }
    const auto last = plan.levels - 1;
    writer.add_whole(plan.width >> last, writer.first_height() >> last,
                     20.0F / static_cast<float>(1U << last));
    if (plan.has_macro) {
        writer.add_whole(1200, 400, -1.0F);
    }
    if (plan.has_map) {
        writer.add_map(600, 200);
    }
    return {"2022/03/14", "2022/03/15", "09:41:07", "PROVE-04711", "AUTH-55109",
            "SN-330077",  "MC-990011",  "Testesen", "BC-778812-A"};
}

} // namespace slide_maker
