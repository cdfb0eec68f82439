// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/documents.h"

#include "libfiona/anonymize/patterns.h"
#include "libfiona/anonymize/pdf_drawing.h"
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

namespace fiona::anonymize {

namespace {

constexpr Tag document_tag{0x0042, 0x0011};
constexpr std::size_t most_text = std::size_t{16} << 20U;

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
            return "what looks like a date, a number, an address or a name";
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

/// Whether the pages have clearly fewer characters of text than they show letters.
bool lacks_text(const PdfDrawing& drawing, std::string_view text)
{
    const auto pages = split(text, '\f');
    for (std::size_t i = 0; i < drawing.letters.size(); ++i) {
        const auto characters = i < pages.size() ? visible_characters(pages[i]) : 0;
        if (characters * 4 < drawing.letters[i] * 3) {
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
std::string_view unread_on_pages(const std::string& path, std::string_view text)
{
    const auto fonts = said_by({"pdffonts", path});
    const auto svg = said_by({"pdftocairo", "-q", "-svg", path, "-"});
    if (!fonts || !svg) {
        return "a PDF that cannot be read";
    }
    if (!can_read_fonts(*fonts)) {
        return "a font in the PDF whose text cannot be read";
    }
    const auto drawing = read_drawing(*svg);
    if (drawing.may_be_writing) {
        return "a drawing in the PDF, which may be writing";
    }
    return lacks_text(drawing, text) ? "letters in the PDF whose text cannot be read" : "";
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

/// What is neither text nor metadata: notes, forms, programs, files, bookmarks, replacement texts, layers.
std::string_view hidden_in_objects(std::string_view pdf)
{
    const auto packed = objects_in_streams(pdf, most_text);
    if (!packed || pdf.find("/Encrypt") != std::string_view::npos) {
        return "objects of the PDF that cannot be read";
    }
    constexpr std::array<std::string_view, 11> hiding{
        "/Annot", "/AcroForm", "/JavaScript", "/EmbeddedFile", "/Outlines",    "/ActualText",
        "/Alt(",  "/Alt (",    "/Alt<",       "/Alt <",        "/OCProperties"};
    for (const auto& objects : {with_plain_names(pdf), with_plain_names(*packed)}) {
        if (std::ranges::any_of(hiding, [&](std::string_view word) {
                return objects.find(word) != std::string::npos;
            })) {
            return "notes, forms, bookmarks, hidden texts or programs in the PDF";
        }
    }
    return {};
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
        return "a picture in the PDF, whose text cannot be read";
    }
    if (!files->starts_with("0 embedded files")) {
        return "a file embedded in the PDF";
    }
    if (has_unseen_bytes(bytes)) {
        return "an earlier version, or bytes behind the end of the PDF";
    }
    if (const auto finding = unread_on_pages(path, *text); !finding.empty()) {
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
    return std::string{hidden_in_objects(bytes)};
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
