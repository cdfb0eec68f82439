// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/pdf_objects.h"

#include "libfiona/anonymize/pdf_lexer.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <memory>

namespace fiona::anonymize {

namespace {

std::size_t occurrences(std::string_view text, std::string_view word)
{
    std::size_t count = 0;
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
        ++count;
    }
    return count;
}

struct EndInflate {
    void operator()(z_stream* stream) const { ::inflateEnd(stream); }
};

struct Unpacked {
    std::string bytes;
    std::size_t packed_size = 0;
};

/// What a zlib stream at the start of `packed` holds; nothing if it is none, or if it holds more than
/// `most_bytes`.
std::optional<Unpacked> inflated(std::string_view packed, std::size_t most_bytes)
{
    z_stream state{};
    if (::inflateInit(&state) != Z_OK) {
        return std::nullopt;
    }
    const std::unique_ptr<z_stream, EndInflate> guard{&state};
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) zlib counts in unsigned bytes
    state.next_in = reinterpret_cast<const Bytef*>(packed.data());
    state.avail_in = static_cast<uInt>(std::min<std::size_t>(packed.size(), UINT_MAX));
    Unpacked result;
    std::array<char, 65536> block{};
    for (int said = Z_OK; said != Z_STREAM_END;) {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) as above
        state.next_out = reinterpret_cast<Bytef*>(block.data());
        state.avail_out = static_cast<uInt>(block.size());
        said = ::inflate(&state, Z_NO_FLUSH);
        result.bytes.append(block.data(), block.size() - state.avail_out);
        if ((said != Z_OK && said != Z_STREAM_END) || result.bytes.size() > most_bytes) {
            return std::nullopt;
        }
    }
    result.packed_size = state.total_in;
    return result;
}

/// Whether a dictionary says so: `/Type /XRef`, `/Type/XRef`.
bool says(std::string_view dictionary, std::string_view key, std::string_view value)
{
    std::string_view before;
    PdfWord word;
    std::size_t at = 0;
    do {
        before = word.written;
        word = next_pdf_word(dictionary, at);
    } while (word.kind != PdfWordKind::end && word.kind != PdfWordKind::broken
             && (before != key || word.written != value));
    return before == key && word.written == value;
}

/// `-250` in an array between two strings: a blank as wide as a quarter of a letter's height.
bool is_gap(std::string_view number)
{
    constexpr int least = -180;
    int value = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
    return read.ec == std::errc{} && value <= least;
}

/// The strings of a page's content. A map of letters holds strings too, of codes that stand in a row.
std::string strings_in(std::string_view content, bool& has_picture)
{
    std::string strings;
    if (content.find("begincmap") != std::string_view::npos) {
        return strings;
    }
    bool in_array = false;
    std::size_t at = 0;
    while (true) {
        const auto word = next_pdf_word(content, at);
        if (word.kind == PdfWordKind::end || word.kind == PdfWordKind::broken) {
            return strings;
        }
        if (word.kind == PdfWordKind::string) {
            strings += meant_by(word.written);
            strings += in_array ? "" : "|";
        } else if (word.written == "[") {
            in_array = true;
        } else if (word.written == "]") {
            in_array = false;
            strings += '|';
        } else if (word.written == "BI") {
            has_picture = true;
        } else if (in_array && is_gap(word.written)) {
            strings += ' ';
        }
    }
}

/// Whether bytes hold the beginning of a stream, or the end of an object: readers go to each by its place.
bool holds_objects(std::string_view bytes)
{
    constexpr std::string_view keyword{"stream"};
    bool found = bytes.find("endobj") != std::string_view::npos;
    for (auto at = bytes.find(keyword); at != std::string_view::npos && !found;
         at = bytes.find(keyword, at + keyword.size())) {
        const auto before = bytes.find_last_not_of(blanks_of_pdf, at == 0 ? 0 : at - 1);
        found = at > 0 && before != std::string_view::npos && bytes[before] == '>';
    }
    return found;
}

/// Names of the standard that begin with one that people have too.
bool is_of_standard(std::string_view name)
{
    constexpr std::array<std::string_view, 26> known{
        "/Lang", "/Page",     "/Pages", "/PageLabels", "/PageLayout", "/PageMode", "/Root",
        "/Kids", "/Font",     "/Count", "/First",      "/Last",       "/Next",     "/Prev",
        "/Mark", "/MarkInfo", "/Art",   "/Part",       "/Sect",       "/Span",     "/Link",
        "/Note", "/Code",     "/Width", "/Title",      "/Parent"};
    return std::ranges::find(known, name) != known.end();
}

class PartsReader {
public:
    PartsReader(std::string_view pdf, std::size_t most_bytes) : m_pdf{pdf}, m_left{most_bytes} {}

    std::optional<PdfParts> take()
    {
        bool is_read = true;
        do {
            is_read = objects_until_stream() && (!m_has_stream || stream());
        } while (is_read && m_has_stream && !m_parts.has_picture);
        return is_read ? std::optional{std::move(m_parts)} : std::nullopt;
    }

private:
    /// Objects up to the word `stream` of one of them, or to the end.
    bool objects_until_stream()
    {
        const auto begin = m_at;
        m_object = m_at;
        m_has_stream = false;
        PdfWord before;
        while (!m_has_stream) {
            const auto word = next_pdf_word(m_pdf, m_at);
            if (word.kind == PdfWordKind::end) {
                break;
            }
            m_has_stream = word.kind == PdfWordKind::plain && word.written.starts_with("stream");
            if (m_has_stream) {
                m_dictionary =
                    with_plain_names(m_pdf.substr(m_object, m_at - word.written.size() - m_object));
                if (before.written != ">>" || word.written != "stream") {
                    return false;
                }
            } else if (!take_word(word, before)) {
                return false;
            }
            if (word.written == "obj") {
                m_object = m_at;
            }
            before = word;
        }
        return add_objects(m_pdf.substr(begin, m_at - begin));
    }

    bool add_objects(std::string_view written)
    {
        const bool fits = written.size() <= m_left;
        m_left -= fits ? written.size() : 0;
        m_parts.objects += written.substr(0, fits ? written.size() : 0);
        m_parts.objects += '\n';
        return fits;
    }

    /// A word of an object, behind another. False if something is behind it that other readers see.
    bool take_word(const PdfWord& word, const PdfWord& behind)
    {
        const auto before = behind.kind == PdfWordKind::name ? behind.written : std::string_view{};
        const bool is_number = word.kind == PdfWordKind::plain;
        m_parts.metadata += before == "/Metadata" && is_number ? 1U : 0U;
        const bool hides_objects = word.kind != PdfWordKind::plain && word.kind != PdfWordKind::name
                                   && holds_objects(word.written);
        if (word.kind == PdfWordKind::broken || word.written == "endstream" || hides_objects) {
            return false;
        }
        const bool is_font_name = before == "/BaseFont" || before == "/FontName";
        if (word.kind == PdfWordKind::string && before != "/Producer") {
            m_parts.strings += meant_by(word.written);
            m_parts.strings += '|';
        } else if (word.kind == PdfWordKind::string) {
            m_parts.names += meant_by(word.written);
            m_parts.names += '|';
        } else if (word.kind == PdfWordKind::comment
                   || (word.kind == PdfWordKind::name && !is_font_name)) {
            const auto plain = with_plain_names(word.written);
            m_parts.names += is_of_standard(plain) ? "" : plain + "|";
        }
        return true;
    }

    /// The stream whose dictionary has been read.
    bool stream()
    {
        constexpr std::string_view end_mark{"endstream"};
        if (says(m_dictionary, "/Subtype", "/Image")) {
            m_parts.has_picture = true;
            return true;
        }
        skip_to_data();
        const auto data = m_pdf.substr(m_at);
        const bool is_table = says(m_dictionary, "/Type", "/XRef");
        std::optional<Unpacked> held;
        if (m_dictionary.find("/Filter") == std::string::npos) {
            const auto size = data.find(end_mark);
            if (size <= m_left && !holds_objects(data.substr(0, size))) {
                held = Unpacked{std::string{data.substr(0, size)}, size};
            }
        } else if (occurrences(m_dictionary, "/FlateDecode") == 1
                   && (is_table || m_dictionary.find("/DecodeParms") == std::string::npos)
                   && occurrences(m_dictionary, "Decode")
                              - occurrences(m_dictionary, "/DecodeParms")
                          == 1
                   && m_dictionary.find("/Crypt") == std::string::npos) {
            held = inflated(data, m_left);
        }
        if (!held) {
            return false;
        }
        m_left -= held->bytes.size();
        m_at += held->packed_size;
        return next_pdf_word(m_pdf, m_at).written == end_mark
               && take_stream(std::move(held->bytes), is_table);
    }

    void skip_to_data()
    {
        m_at = std::min(m_pdf.find_first_not_of(" \t", m_at), m_pdf.size());
        const auto rest = m_pdf.substr(m_at);
        const std::size_t end_of_line = rest.starts_with('\n') || rest.starts_with('\r') ? 1 : 0;
        m_at += rest.starts_with("\r\n") ? 2 : end_of_line;
    }

    bool take_stream(std::string bytes, bool is_table)
    {
        if (m_dictionary.find("/ObjStm") != std::string::npos) {
            return take_packed_objects(bytes);
        }
        constexpr std::array<std::string_view, 3> font_formats{"/Type1C", "/CIDFontType0C",
                                                               "/OpenType"};
        const bool is_font = m_dictionary.find("/Length1") != std::string::npos
                             || std::ranges::any_of(font_formats, [&](std::string_view format) {
                                    return says(m_dictionary, "/Subtype", format);
                                });
        PdfStream stream;
        stream.is_binary = is_font || is_table || bytes.find('\0') != std::string::npos;
        if (!is_font && !is_table) {
            stream.strings = strings_in(bytes, m_parts.has_picture);
        }
        stream.bytes = std::move(bytes);
        m_parts.streams.push_back(std::move(stream));
        return true;
    }

    bool take_packed_objects(std::string_view objects)
    {
        PdfWord before;
        std::size_t at = 0;
        while (true) {
            const auto word = next_pdf_word(objects, at);
            if (word.kind == PdfWordKind::end) {
                break;
            }
            if (!take_word(word, before)) {
                return false;
            }
            before = word;
        }
        return add_objects(objects);
    }

    std::string_view m_pdf;
    std::size_t m_at = 0;
    std::size_t m_left;        ///< bytes that may still be held
    std::size_t m_object = 0;  ///< where the last object begins
    bool m_has_stream = false; ///< and its stream is next
    std::string m_dictionary;  ///< of that stream, with plain names
    PdfParts m_parts;
};

} // namespace

std::optional<PdfParts> parts_of(std::string_view pdf, std::size_t most_bytes)
{
    return PartsReader{pdf, most_bytes}.take();
}

} // namespace fiona::anonymize
