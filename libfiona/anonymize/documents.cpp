// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/documents.h"

#include "libfiona/anonymize/patterns.h"
#include "libfiona/anonymize/pdf_drawing.h"
#include "libfiona/anonymize/pdf_lexer.h"
#include "libfiona/anonymize/pdf_objects.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <utility>

namespace fiona::anonymize {

namespace {

constexpr Tag document_tag{0x0042, 0x0011};
constexpr std::size_t most_text = std::size_t{16} << 20U;
constexpr std::size_t most_unpacked = std::size_t{32} << 20U; ///< of a PDF's streams

/// The document as a file that has no name on any disk: children see it under /proc.
class MemoryFile {
public:
    explicit MemoryFile(std::string_view bytes) : m_fd{::memfd_create("document", 0)}
    {
        if (!m_fd) {
            throw os_error(errno, "make a file in memory");
        }
        write_all(m_fd.get(), bytes, "a document in memory");
    }
    [[nodiscard]] std::string path() const
    {
        return fmt::format("/proc/{}/fd/{}", ::getpid(), m_fd.get());
    }

private:
    UniqueFd m_fd;
};

/// A program of poppler-utils with limits of memory, time and output (prlimit of util-linux); it may write
/// no file, and goes on when it would have liked to (fontconfig's cache). That it dumps no core is the
/// frame's doing (cli/tool.h). Nothing if it fails or says more than fits.
std::optional<std::string> said_by(std::vector<std::string> program)
{
    Command command;
    command.arguments = {
        "env", "--ignore-signal=XFSZ", "prlimit", "--as=1073741824", "--cpu=30", "--fsize=0", "--"};
    command.arguments.insert(command.arguments.end(), std::make_move_iterator(program.begin()),
                             std::make_move_iterator(program.end()));
    command.deadline = std::chrono::seconds{60};
    command.max_output = most_text;
    auto finished = run(command);
    constexpr int not_found = 127;
    if (finished.exit_code == not_found) {
        throw Error{Fault::unreachable,
                    "documents are let through if they are clean, which needs poppler-utils"};
    }
    const bool all_said = finished.out.size() < most_text;
    return finished.exit_code == 0 && all_said ? std::optional{std::move(finished.out)}
                                               : std::nullopt;
}

constexpr std::size_t longest_word = 60; ///< MIME packs into lines of 76 letters, PEM of 64

/// The longest run of letters of base 64 and its kin; rules of one or a few letters do not count.
std::size_t longest_packed_run(std::string_view text)
{
    constexpr std::string_view letters{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789+/=_-"};
    constexpr std::size_t least_different = 8;
    std::size_t longest = 0;
    for (auto at = text.find_first_of(letters); at != std::string_view::npos;) {
        const auto end = std::min(text.find_first_not_of(letters, at), text.size());
        const auto run = text.substr(at, end - at);
        if (run.size() > longest
            && std::set<char>{run.begin(), run.end()}.size() >= least_different) {
            longest = run.size();
        }
        at = text.find_first_of(letters, end);
    }
    return longest;
}

/// `&#75;` and `&oslash;`: a name in them is not found. The five that XML needs stand for no letter.
bool writes_letters_as_references(std::string_view lower)
{
    constexpr std::array<std::string_view, 5> needed{"amp;", "lt;", "gt;", "quot;", "apos;"};
    for (auto at = lower.find('&'); at != std::string_view::npos; at = lower.find('&', at + 1)) {
        const auto rest = lower.substr(at + 1);
        const auto end = rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789#");
        const bool is_reference = end != 0 && end != std::string_view::npos && rest[end] == ';';
        if (is_reference && std::ranges::none_of(needed, [&](std::string_view one) {
                return rest.starts_with(one);
            })) {
            return true;
        }
    }
    return false;
}

constexpr std::string_view picture = "a picture in the PDF, whose text cannot be read";
constexpr std::string_view finding_by_pattern =
    "what looks like a date, a number, an address or a name";

std::string finding_in_text(std::string_view text, const Plan& plan)
{
    for (const auto reading : {Reading::utf8, Reading::latin1}) {
        const auto folded = fold(text, reading);
        for (const auto& hit : plan.identity.find(folded)) {
            if (hit.is_certain || !hit.is_trade_word) {
                return std::string{name_of(hit.kind)};
            }
        }
        if (!plan.identity.find_uids(folded.text).empty()) {
            return "an original UID";
        }
        if (reading == Reading::utf8 && !find_patterns(folded).empty()) {
            return std::string{finding_by_pattern};
        }
    }
    return {};
}

/// In bytes that are more than text: numbers spell short numbers by chance, samples spell short words too.
std::string finding_in_bytes(std::string_view bytes, bool is_binary, const Plan& plan)
{
    constexpr std::size_t least_by_chance = 8;
    for (const auto reading : {Reading::utf8, Reading::latin1}) {
        const auto folded = fold(bytes, reading);
        for (const auto& hit : plan.identity.find(folded)) {
            const bool is_short = hit.range.end - hit.range.begin < least_by_chance;
            const bool is_chance = hit.touches_digits || (is_short && (is_binary || hit.is_digits));
            if (hit.is_certain && !is_chance) {
                return std::string{name_of(hit.kind)};
            }
        }
        if (!plan.identity.find_uids(folded.text).empty()) {
            return "an original UID";
        }
    }
    return {};
}

/// Why bytes are no text that can be searched as it stands; "" if they are.
std::string_view unreadable_in_text(std::string_view bytes)
{
    const bool is_plain =
        is_utf8(bytes) && std::ranges::none_of(bytes, [](char c) {
            constexpr std::string_view layout{"\t\n\r\f"};
            return (static_cast<unsigned char>(c) < ' ' && layout.find(c) == std::string_view::npos)
                   || c == '\x7f';
        });
    if (!is_plain) {
        return "bytes that are no plain text";
    }
    if (bytes.starts_with("{\\rtf") || bytes.starts_with("%!")) {
        return "a text of a kind that is not read here";
    }
    const auto text = lower_case(bytes);
    constexpr std::array<std::string_view, 3> packings{"base64", "\"b64\"", "'b64'"};
    if (longest_packed_run(bytes) > longest_word
        || std::ranges::any_of(packings, [&](std::string_view word) {
               return text.find(word) != std::string::npos;
           })) {
        return "something packed as text";
    }
    return writes_letters_as_references(text) ? "letters that are written as references" : "";
}

std::size_t lines(std::string_view text)
{
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

/// Whether the text of every font can be read: it says which letters its glyphs are, or has a standard's
/// order of them. By the table of pdffonts, whose last columns are encoding, emb, sub, uni, object ID.
bool can_read_fonts(std::string_view table)
{
    constexpr std::size_t head_of_table = 2;
    constexpr std::array<std::string_view, 3> standards{"Standard", "WinAnsi", "MacRoman"};
    const auto rows = split(table, '\n');
    for (std::size_t i = head_of_table; i < rows.size(); ++i) {
        auto fields = split(rows[i], ' ');
        std::erase(fields, "");
        if (fields.empty()) {
            continue;
        }
        const std::size_t id_fields = fields.back() == "[none]" ? 1 : 2;
        constexpr std::size_t before_id = 4;
        if (fields.size() < id_fields + before_id) {
            return false;
        }
        const auto uni = fields[fields.size() - id_fields - 1];
        const auto encoding = fields[fields.size() - id_fields - before_id];
        if (uni != "yes"
            && (uni != "no" || std::ranges::find(standards, encoding) == standards.end())) {
            return false;
        }
    }
    return true;
}

std::size_t visible_characters(std::string_view utf8)
{
    return static_cast<std::size_t>(std::ranges::count_if(utf8, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte > ' ' && (byte & 0xc0U) != 0x80U;
    }));
}

/// Whether a page has fewer characters of text than it shows letters. A ligature is one letter of two or
/// three characters; what is one character of two letters (an accent that is drawn by itself, letters that
/// are drawn twice) is not told from a letter without text.
bool lacks_text(const PdfDrawing& drawing, std::string_view text)
{
    const auto pages = split(text, '\f');
    for (std::size_t i = 0; i < drawing.letters.size(); ++i) {
        const auto characters = i < pages.size() ? visible_characters(pages[i]) : 0;
        if (characters < drawing.letters[i]) {
            return true;
        }
    }
    return false;
}

/// What no reader shows: what stood there before the file was changed (ISO 32000-1 §7.5.6), and bytes
/// behind its end. A linearized file has two ends (Annex F).
bool has_unseen_bytes(std::string_view pdf)
{
    constexpr std::string_view end_mark{"%%EOF"};
    const auto end = pdf.rfind(end_mark);
    const std::size_t most_ends = pdf.find("/Linearized") == std::string_view::npos ? 1 : 2;
    std::size_t ends = 0;
    for (auto at = pdf.find("startxref"); at != std::string_view::npos;
         at = pdf.find("startxref", at + 1)) {
        ++ends;
    }
    return end == std::string_view::npos || ends > most_ends
           || pdf.find_first_not_of(std::string_view{"\r\n\t \0", 5}, end + end_mark.size())
                  != std::string_view::npos;
}

/// What on the pages is not in their text.
std::string_view unread_on_pages(const std::string& path)
{
    const auto fonts = said_by({"pdffonts", path});
    const auto svg = said_by({"pdftocairo", "-q", "-svg", path, "-"});
    // In the order of the page hyphens at the ends of lines stay, which are letters too.
    const auto text = said_by({"pdftotext", "-q", "-raw", "-enc", "UTF-8", path, "-"});
    if (!fonts || !svg || !text) {
        return "a PDF that cannot be read";
    }
    if (!can_read_fonts(*fonts)) {
        return "a font in the PDF whose text cannot be read";
    }
    const auto drawing = read_drawing(*svg);
    if (drawing.may_be_writing) {
        return "a drawing in the PDF, which may be writing";
    }
    return lacks_text(drawing, *text) ? "letters in the PDF whose text cannot be read" : "";
}

/// The values of the document's information, standard ones and others, but for those that programs write.
std::string stated_by_people(std::string_view information)
{
    constexpr std::array<std::string_view, 4> by_programs{
        "Producer:", "Trapped:", "CreationDate:", "ModDate:"};
    std::string stated;
    for (const auto line : split(information, '\n')) {
        if (std::ranges::none_of(by_programs,
                                 [&](std::string_view key) { return line.starts_with(key); })) {
            stated += line.substr(line.find(':') + 1);
            stated += '\n';
        }
    }
    return stated;
}

/// What is neither text nor metadata: notes, forms, programs, files, bookmarks, replacement texts, layers,
/// a program's own notes, metadata of parts.
bool hides_more(std::string_view pdf, const PdfParts& parts)
{
    constexpr std::array<std::string_view, 12> hiding{
        "/Annot", "/AcroForm", "/JavaScript", "/EmbeddedFile", "/Outlines",     "/ActualText",
        "/Alt(",  "/Alt (",    "/Alt<",       "/Alt <",        "/OCProperties", "/PieceInfo"};
    return parts.metadata > 1
           || std::ranges::any_of(
               std::array{pdf, std::string_view{parts.objects}}, [&](std::string_view written) {
                   const auto objects = with_plain_names(written);
                   return std::ranges::any_of(hiding, [&](std::string_view word) {
                       return objects.find(word) != std::string::npos;
                   });
               });
}

std::string finding_in_stream(const PdfStream& stream, const Plan& plan)
{
    if (stream.bytes.starts_with("<?")) { // XML
        return finding_in_text(stream.bytes, plan);
    }
    // In UTF-16 too, as in colour profiles.
    const auto wide = stream.is_binary ? narrowed(stream.bytes) : std::string{};
    for (const auto& [bytes, is_binary] :
         {std::pair{std::string_view{stream.bytes}, stream.is_binary},
          std::pair{std::string_view{wide}, true},
          std::pair{std::string_view{stream.strings}, false}}) {
        if (auto finding = finding_in_bytes(bytes, is_binary, plan); !finding.empty()) {
            return finding;
        }
    }
    return find_patterns(fold(stream.strings)).empty() ? std::string{}
                                                       : std::string{finding_by_pattern};
}

/// In what may be on no page: all objects and all streams, whether anything refers to them or not.
std::string finding_in_parts(std::string_view pdf, const Plan& plan)
{
    const auto parts = parts_of(pdf, most_unpacked);
    if (!parts || pdf.find("/Encrypt") != std::string_view::npos) {
        return "objects of the PDF that cannot be read";
    }
    if (parts->has_picture) {
        return std::string{picture};
    }
    if (hides_more(pdf, *parts)) {
        return "notes, forms, bookmarks, hidden texts or programs in the PDF";
    }
    auto finding = finding_in_text(parts->strings, plan);
    if (finding.empty()) {
        finding = finding_in_bytes(parts->names, false, plan);
    }
    for (const auto& stream : parts->streams) {
        if (finding.empty()) {
            finding = finding_in_stream(stream, plan);
        }
    }
    return finding;
}

std::string finding_in_pdf(std::string_view bytes, const Plan& plan)
{
    const MemoryFile file{bytes};
    const auto path = file.path();
    const auto text = said_by({"pdftotext", "-q", "-enc", "UTF-8", path, "-"});
    // -rawdates would show the dates as they are stored; without, they are dates in words.
    const auto information = said_by({"pdfinfo", "-custom", "-enc", "UTF-8", path});
    const auto metadata = said_by({"pdfinfo", "-meta", path});
    const auto pictures = said_by({"pdfimages", "-list", path});
    const auto files = said_by({"pdfdetach", "-list", path});
    if (!text || !information || !metadata || !pictures || !files) {
        return "a PDF that cannot be read";
    }
    constexpr std::size_t head_of_table = 2;
    if (lines(*pictures) > head_of_table) {
        return std::string{picture};
    }
    if (!files->starts_with("0 embedded files")) {
        return "a file embedded in the PDF";
    }
    if (has_unseen_bytes(bytes)) {
        return "an earlier version, or bytes behind the end of the PDF";
    }
    if (const auto finding = unread_on_pages(path); !finding.empty()) {
        return std::string{finding};
    }
    for (const std::string_view key : {"Author:", "CreationDate:", "ModDate:"}) {
        if (information->find(key) != std::string::npos) {
            return "an author or a date in the PDF's metadata";
        }
    }
    for (const auto& part : {*text, stated_by_people(*information), *metadata}) {
        if (auto finding = finding_in_text(part, plan); !finding.empty()) {
            return finding;
        }
    }
    return finding_in_parts(bytes, plan);
}

} // namespace

std::string finding_in_document(const Item& root, const Plan& plan)
{
    const auto* const document = root.find(document_tag);
    if (document == nullptr || document->stored.empty()) {
        return {};
    }
    // Readers take a file for a PDF if its mark is among its first 1024 bytes.
    constexpr std::size_t mark_within = 1024;
    constexpr std::string_view mark{"%PDF"};
    const auto bytes = trimmed(document->stored);
    const auto mark_at = document->stored.substr(0, mark_within).find(mark);
    std::string finding;
    if (mark_at == 0) {
        finding = finding_in_pdf(document->stored, plan);
    } else if (mark_at != std::string_view::npos) {
        finding = "a PDF with something in front of it";
    } else if (finding = unreadable_in_text(bytes); finding.empty()) {
        finding = finding_in_text(bytes, plan);
    }
    return finding.empty() ? std::string{} : "the encapsulated document holds " + finding;
}

} // namespace fiona::anonymize
