// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/documents.h"

#include "libfiona/anonymize/patterns.h"
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
#include <cerrno>

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

/// A program of poppler-utils with limits of memory, time and output (prlimit of util-linux). Nothing if it
/// fails or says more than fits.
std::optional<std::string> said_by(std::vector<std::string> program)
{
    Command command;
    command.arguments = {"prlimit", "--as=1073741824", "--cpu=30", "--fsize=0", "--core=0", "--"};
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

std::size_t lines(std::string_view text)
{
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

std::string finding_in_pdf(std::string_view bytes, const Plan& plan)
{
    const MemoryFile file{bytes};
    const auto path = file.path();
    const auto text = said_by({"pdftotext", "-q", "-enc", "UTF-8", path, "-"});
    // -rawdates would show the dates as they are stored; without, they are dates in words.
    const auto information = said_by({"pdfinfo", "-enc", "UTF-8", path});
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
    std::string stated; // what pdfinfo says of the document, without what it says of its form
    for (const auto line : split(*information, '\n')) {
        constexpr std::array<std::string_view, 7> by_people{
            "Title:", "Subject:", "Keywords:", "Author:", "Creator:", "CreationDate:", "ModDate:"};
        if (std::ranges::any_of(by_people,
                                [&](std::string_view key) { return line.starts_with(key); })) {
            stated += line.substr(line.find(':') + 1);
            stated += '\n';
        }
    }
    constexpr std::array<std::string_view, 3> stamped{"Author:", "CreationDate:", "ModDate:"};
    for (const auto key : stamped) {
        if (information->find(key) != std::string::npos) {
            return "an author or a date in the PDF's metadata";
        }
    }
    for (const auto& part : {*text, stated, *metadata}) {
        if (auto finding = finding_in_text(part, plan); !finding.empty()) {
            return finding;
        }
    }
    const auto packed = objects_in_streams(bytes, most_text);
    if (!packed || bytes.find("/Encrypt") != std::string_view::npos) {
        return "objects of the PDF that cannot be read";
    }
    // What is none of the texts above: notes, forms, programs, files, bookmarks, replacement texts.
    constexpr std::array<std::string_view, 10> hiding{
        "/Annot",      "/AcroForm", "/JavaScript", "/EmbeddedFile", "/Outlines",
        "/ActualText", "/Alt(",     "/Alt (",      "/Alt<",         "/Alt <"};
    for (const auto& objects : {with_plain_names(bytes), with_plain_names(*packed)}) {
        for (const auto word : hiding) {
            if (objects.find(word) != std::string::npos) {
                return "notes, forms, bookmarks, hidden texts or programs in the PDF";
            }
        }
    }
    return {};
}

} // namespace

std::string finding_in_document(const Item& root, const Plan& plan)
{
    const auto* const document = root.find(document_tag);
    if (document == nullptr || document->stored.empty()) {
        return {};
    }
    const auto finding = document->stored.starts_with("%PDF")
                             ? finding_in_pdf(document->stored, plan)
                             : finding_in_text(document->stored, plan);
    return finding.empty() ? std::string{} : "the encapsulated document holds " + finding;
}

} // namespace fiona::anonymize
