// SPDX-License-Identifier: MIT
#include "libfiona/wsi/strip_plan.h"

#include "libfiona/anonymize/icc.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/wsi/aperio.h"
#include "libfiona/wsi/code_stream.h"
#include "libfiona/wsi/hamamatsu.h"
#include "libfiona/wsi/identifying.h"
#include "libfiona/wsi/tiff_tags.h"
#include "libfiona/wsi/tile_table.h"

#include <algorithm>
#include <array>
#include <set>

namespace fiona::wsi {

namespace {

constexpr std::uint64_t longest_text = std::uint64_t{16} << 20U;

/// X over every forbidden text: a kept value may repeat one (a profile named after its scanner).
void cover(std::string& value, const std::vector<std::string>& forbidden)
{
    for (const auto& text : forbidden) {
        for (auto at = value.find(text); at != std::string::npos; at = value.find(text, at + 1)) {
            if (is_whole(value, at, text)) {
                std::fill_n(value.begin() + static_cast<std::ptrdiff_t>(at), text.size(), 'X');
            }
        }
    }
}

std::string cleaned(std::uint16_t number, std::string value,
                    const std::vector<std::string>& forbidden)
{
    switch (number) {
    case tag::image_description: {
        // The words that make the file what it is stay, whatever somebody's user name is.
        constexpr std::string_view maker{"Aperio"};
        auto text = cleaned_aperio_description(std::move(value));
        const auto first = text.starts_with(maker) ? maker.size() : 0;
        auto rest = text.substr(first);
        cover(rest, forbidden);
        return text.substr(0, first) + rest;
    }
    case tag::ndpi_properties: value = cleaned_ndpi_properties(std::move(value)); break;
    case tag::icc_profile: return anonymize::cleaned_icc_profile(std::move(value));
    case tag::jpeg_tables:
        for (const auto& range : jpeg_comments(value)) {
            std::fill_n(value.begin() + static_cast<std::ptrdiff_t>(range.offset), range.bytes,
                        '\0');
        }
        return value;
    default: {
        const auto end = std::min(value.find('\0'), value.size());
        std::fill(value.begin() + static_cast<std::ptrdiff_t>(end), value.end(), '\0');
        break;
    }
    }
    cover(value, forbidden);
    return value;
}

class Planner {
public:
    Planner(const Slide& slide, const StripOptions& options)
        : m_slide{&slide}, m_tiff{&slide.tiff()}, m_forbidden{
                                                      forbidden_texts(slide, options.original_name)}
    {
        for (const auto& image : slide.images()) {
            const bool is_blanked =
                image.role == ImageRole::macro && options.macro == MacroImage::blank_label;
            const bool is_kept =
                image.role == ImageRole::level || image.role == ImageRole::thumbnail || is_blanked;
            if (is_blanked && m_plan.macro) {
                throw Error{Fault::data, "more than one macro image"};
            }
            if (is_blanked) {
                m_plan.macro = image.directory;
            }
            (is_kept ? m_plan.kept : m_plan.removed).push_back(image.directory);
        }
    }

    StripPlan plan()
    {
        for (const auto index : m_plan.removed) {
            remove(m_tiff->directories()[index]);
        }
        for (const auto index : m_plan.kept) {
            keep(index);
        }
        patch_header();
        m_plan.pixels = ByteRanges{std::move(m_pixels)};
        const ByteRanges values{m_values};
        m_values.insert(m_values.end(), m_plan.pixels.ranges().begin(),
                        m_plan.pixels.ranges().end());
        m_plan.all = ByteRanges{std::move(m_values)};
        m_plan.gone = ByteRanges{std::move(m_gone)};
        if (m_plan.pixels.touches(values)) {
            throw Error{Fault::data, "a level's tiles overlap with its directory"};
        }
        if (m_plan.all.touches(m_plan.gone)) {
            throw Error{Fault::data, "what has to be removed shares bytes with a level"};
        }
        return std::move(m_plan);
    }

private:
    [[nodiscard]] bool is_kept(std::uint64_t offset) const
    {
        return std::ranges::any_of(m_plan.kept, [&](std::size_t index) {
            return m_tiff->directories()[index].offset == offset;
        });
    }

    /// The next kept directory of a chain that begins at `offset`, 0 if there is none.
    [[nodiscard]] std::uint64_t kept_from(std::uint64_t offset) const
    {
        while (offset != 0 && !is_kept(offset)) {
            offset = std::ranges::find(m_tiff->directories(), offset, &TiffDirectory::offset)->next;
        }
        return offset;
    }

    [[nodiscard]] std::string encoded(std::uint64_t value, std::size_t bytes) const
    {
        std::string text(bytes, '\0');
        for (std::size_t i = 0; i < bytes; ++i) {
            const auto place = m_tiff->is_big_endian() ? bytes - 1 - i : i;
            text[place] = static_cast<char>(value >> (8 * i));
        }
        return text;
    }

    [[nodiscard]] std::string raw(std::uint64_t offset, std::uint64_t bytes) const
    {
        std::string text(bytes, '\0');
        m_tiff->file().read(offset, std::as_writable_bytes(std::span{text}));
        return text;
    }

    void add_pixels(const TiffDirectory& directory, std::vector<ByteRange>& to)
    {
        TileTable table{*m_tiff, directory};
        for (std::uint64_t i = 0; i < table.size(); ++i) {
            const auto extent = table.at(i);
            if (extent.bytes == 0) {
                continue;
            }
            if (!to.empty() && to.back().end() == extent.offset) {
                to.back().bytes += extent.bytes;
            } else {
                to.push_back({extent.offset, extent.bytes});
            }
        }
    }

    void remove(const TiffDirectory& directory)
    {
        m_gone.push_back({directory.offset, directory.bytes});
        add_pixels(directory, m_gone);
        for (const auto& entry : directory.entries) {
            // Numbers may be shared with a level: they go with the gaps if they are not.
            if (!is_kept_entry(m_slide->format(), entry) || is_text_tag(entry.tag)) {
                drop(entry);
            }
        }
    }

    void drop(const TiffEntry& entry)
    {
        const auto inside = m_tiff->kind() == TiffKind::big ? 8U : 4U;
        if (entry.bytes > inside) {
            m_gone.push_back({entry.value_offset, entry.bytes});
        }
    }

    [[nodiscard]] bool stays(const TiffEntry& entry, std::size_t directory) const
    {
        if (!is_kept_entry(m_slide->format(), entry) || entry.bytes == 0) {
            return false;
        }
        const bool is_place_of_mcus =
            entry.tag == tag::ndpi_mcu_starts || entry.tag == tag::ndpi_mcu_starts_high;
        if (is_place_of_mcus && directory == m_plan.macro) {
            return false; // of the code stream before its blanking
        }
        if (entry.tag != tag::sub_directories) {
            return true;
        }
        const auto offsets = m_tiff->numbers(entry, 0, entry.count);
        const auto kept =
            std::ranges::count_if(offsets, [&](std::uint64_t offset) { return is_kept(offset); });
        if (kept != 0 && kept != static_cast<std::ptrdiff_t>(offsets.size())) {
            throw Error{Fault::data, "directory {} has levels and other pictures below it",
                        directory};
        }
        return kept != 0;
    }

    void keep(std::size_t index)
    {
        const auto& directory = m_tiff->directories()[index];
        const bool is_big = m_tiff->kind() == TiffKind::big;
        const std::size_t entry_bytes = is_big ? 20 : 12;
        const std::size_t inside = is_big ? 8 : 4;
        const bool has_high_words =
            m_tiff->kind() == TiffKind::ndpi
            && directory.bytes > directory.next_offset - directory.offset + m_tiff->offset_bytes();
        std::string entries;
        std::string high_words;
        std::uint64_t count = 0;
        for (std::size_t i = 0; i < directory.entries.size(); ++i) {
            const auto& entry = directory.entries[i];
            if (!stays(entry, index)) {
                drop(entry);
                ++m_plan.cleaned_values;
                continue;
            }
            ++count;
            auto bytes = raw(entry.entry_offset, entry_bytes);
            if (is_text_tag(entry.tag)) {
                const auto value = cleaned_value(entry);
                if (entry.bytes <= inside) {
                    bytes.replace(entry_bytes - inside, value.size(), value);
                } else {
                    m_plan.patches.push_back({entry.value_offset, value});
                }
            }
            if (entry.bytes > inside) {
                m_values.push_back({entry.value_offset, entry.bytes});
            }
            entries += bytes;
            if (has_high_words) {
                high_words += raw(directory.next_offset + m_tiff->offset_bytes() + 4 * i, 4);
            }
        }
        const auto bytes = encoded(count, is_big ? 8 : 2) + entries
                           + encoded(kept_from(directory.next), m_tiff->offset_bytes())
                           + high_words;
        m_values.push_back({directory.offset, bytes.size()});
        m_plan.patches.push_back({directory.offset, bytes});
        add_pixels(directory, m_pixels);
    }

    std::string cleaned_value(const TiffEntry& entry)
    {
        if (entry.bytes > longest_text) {
            throw Error{Fault::data, "tag {} has {} bytes of text", entry.tag, entry.bytes};
        }
        const auto before = raw(entry.value_offset, entry.bytes);
        auto after = cleaned(entry.tag, before, m_forbidden);
        m_plan.cleaned_values += after == before ? 0U : 1U;
        return after;
    }

    void patch_header()
    {
        const auto& first = m_tiff->directories().front();
        const auto place = first.pointer_offset;
        m_plan.patches.push_back({place, encoded(kept_from(first.offset), m_tiff->offset_bytes())});
        m_values.push_back({0, place + m_tiff->offset_bytes()});
    }

    const Slide* m_slide;
    const Tiff* m_tiff;
    std::vector<std::string> m_forbidden;
    StripPlan m_plan;
    std::vector<ByteRange> m_pixels;
    std::vector<ByteRange> m_values; ///< directories and what they name, without pixels
    std::vector<ByteRange> m_gone;
};

/// Words that name a maker, or nobody: slides are full of them.
bool is_nobody(std::string_view text)
{
    constexpr auto words = std::to_array<std::string_view>(
        {"aperio", "hamamatsu", "leica", "none", "null", "unknown", "default", "true", "false"});
    const auto first = text.empty() ? ' ' : text.front();
    return std::ranges::find(words, lower_case(text)) != words.end()
           || std::ranges::all_of(text, [&](char c) { return c == first; });
}

/// What cleaning writes: a slide cleaned twice holds it before.
bool is_cleaned(std::string_view text)
{
    return text == "01/01/00" || text == "01/01/1900" || text == "00:00:00";
}

std::string in_utf16(std::string_view text, bool is_big_endian)
{
    std::string wide;
    for (const char c : text) {
        wide += is_big_endian ? std::string{'\0', c} : std::string{c, '\0'};
    }
    return wide;
}

} // namespace

std::vector<std::string> forbidden_texts(const Slide& slide,
                                         const Private<std::string>& original_name)
{
    constexpr std::size_t shortest = 4;
    std::set<std::string> texts;
    const auto add = [&](std::string_view value) {
        const std::string text{trimmed(value)};
        if (text.size() >= shortest && !is_nobody(text) && !is_cleaned(text)) {
            texts.insert(text);
        }
    };
    for (const auto& item : slide.identifying()) {
        add(item.value.reveal());
    }
    add(original_name.reveal());
    // Longer ones first: covering one may not tear another.
    std::vector<std::string> ordered{texts.begin(), texts.end()};
    for (const auto& text : texts) {
        ordered.push_back(in_utf16(text, true));
        ordered.push_back(in_utf16(text, false));
    }
    std::ranges::stable_sort(ordered, std::ranges::greater{}, &std::string::size);
    return ordered;
}

bool is_whole(std::string_view bytes, std::size_t at, std::string_view text)
{
    constexpr std::size_t long_number = 6;
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (text.size() >= long_number || !std::ranges::all_of(text, is_digit)) {
        return true;
    }
    const auto after = at + text.size();
    return (at == 0 || !is_digit(bytes[at - 1]))
           && (after >= bytes.size() || !is_digit(bytes[after]));
}

StripPlan strip_plan(const Slide& slide, const StripOptions& options)
{
    return Planner{slide, options}.plan();
}

} // namespace fiona::wsi
