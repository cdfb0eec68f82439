// SPDX-License-Identifier: MIT
#include "libfiona/transfer/journal.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace fiona::transfer {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::hours meaningful_age{24};
constexpr std::string_view failure_line = "failed";
constexpr std::chrono::hours memory_of_finished{90 * 24}; // late series come within days
constexpr std::string_view whole = "ok"; // last word; without it the line was cut short by a crash

fs::path finished_directory(const Paths& paths)
{
    return paths.state() / "sent";
}

bool is_recent(const fs::path& file, TimePoint now, std::chrono::hours age)
{
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 && Clock::from_time_t(status.st_mtime) + age > now;
}

} // namespace

Journal::Journal(const Paths& paths, const store::TransferRequest& request, TimePoint now)
    : m_file{store::SentImages::journal_of(paths, request)},
      m_head{store::SentImages::try_line(sha256_hex(json::write(request.content)))}
{
    const auto text = read_file_if_any(m_file).value_or("");
    const auto lines = split(text, '\n');
    m_is_torn = !lines.back().empty();
    const auto last = std::find_if(lines.rbegin(), lines.rend(), store::SentImages::is_try_line);
    if (last == lines.rend() || *last != m_head || !is_recent(m_file, now, meaningful_age)) {
        return;
    }
    m_started = true;
    for (auto line = last.base(); line != lines.end(); ++line) {
        take(*line);
    }
}

/// Those of store::SentImages, asked TRANSACTION SECONDS ok, committed SOP ok, answered ok, failed
void Journal::take(std::string_view line)
{
    m_images.take(line);
    const auto words = split(line, ' ');
    if (line == failure_line) {
        ++m_failures;
    }
    if (words.back() != whole) {
        return;
    }
    const auto word = [&](std::size_t index) {
        return index + 1 < words.size() ? std::string{words[index]} : std::string{};
    };
    if (words[0] == "asked" && words.size() == 4) {
        std::int64_t seconds = 0;
        std::from_chars(words[2].data(), words[2].data() + words[2].size(), seconds);
        m_question = Question{word(1), TimePoint{std::chrono::seconds{seconds}}};
    } else if (words[0] == "committed" && words.size() == 3) {
        m_committed.insert(word(1));
    } else if (words[0] == "answered") {
        m_question.reset();
    }
}

const Journal::Stored* Journal::stored(const std::string& series, const std::string& sop) const
{
    return m_images.find(series, sop);
}

const Journal::Stored* Journal::stored(const std::string& series, const std::string& sop,
                                       const std::string& sha256) const
{
    const auto* const found = stored(series, sop);
    const bool is_same = found != nullptr && found->sha256 == sha256;
    return is_same ? found : nullptr;
}

void Journal::note_stored(const std::string& series, const std::string& sop, const Stored& how)
{
    append(store::SentImages::stored_line(series, sop, how));
    m_images.take(store::SentImages::stored_line(series, sop, how));
}

void Journal::note_lost(const std::string& series, const std::string& sop)
{
    append(store::SentImages::lost_line(series, sop));
    m_images.take(store::SentImages::lost_line(series, sop));
}

void Journal::note_asked(const Question& question)
{
    append(
        fmt::format("asked {} {} {}", question.transaction, epoch_seconds(question.asked), whole));
    m_question = question;
}

void Journal::note_committed(const std::set<std::string>& sops)
{
    std::string lines;
    for (const auto& sop : sops) {
        lines += fmt::format("committed {} {}\n", sop, whole);
        m_committed.insert(sop);
    }
    append(lines + fmt::format("answered {}", whole));
    m_question.reset();
}

void Journal::note_failure()
{
    append(std::string{failure_line});
    ++m_failures;
}

void Journal::append(const std::string& lines)
{
    std::string text = m_is_torn ? "\n" : "";
    if (!m_started) { // nothing is there, or what is there is not continued
        make_directories(m_file.parent_path());
        text += m_head + "\n";
    }
    const UniqueFd fd{::open(m_file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640)};
    if (!fd) {
        throw os_error(errno, "open the journal of a transfer");
    }
    // No sync: a lost line after a power loss only means that an object is sent twice.
    write_all(fd.get(), text + lines + "\n", "the journal of a transfer");
    m_started = true;
    m_is_torn = false;
}

void Journal::finish(const Paths& paths, const store::TransferRequest& request)
{
    make_directories(finished_directory(paths));
    const auto to = finished_directory(paths) / request.file_name();
    const auto from = store::SentImages::journal_of(paths, request);
    if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) {
        throw os_error(errno, "put the journal of a transfer aside");
    }
}

Journal Journal::finished(const Paths& paths, const store::TransferRequest& request)
{
    Journal journal{finished_directory(paths) / request.file_name()};
    for (const auto text = read_file_if_any(journal.m_file).value_or("");
         const auto line : split(text, '\n')) {
        journal.take(line);
    }
    return journal;
}

void Journal::sweep(const Paths& paths, TimePoint now)
{
    std::error_code problem; // nothing finished yet, or no right to look: then nothing is forgotten
    for (const auto& entry : fs::directory_iterator{finished_directory(paths), problem}) {
        if (!is_recent(entry.path(), now, memory_of_finished)) {
            fs::remove(entry.path(), problem);
        }
    }
}

} // namespace fiona::transfer
