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

#include <cerrno>
#include <charconv>

namespace fiona::transfer {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::hours meaningful_age{24};
constexpr std::string_view failure_line = "failed";
constexpr std::string_view decoded_word = "decoded";
constexpr std::string_view whole = "ok"; // last word; without it the line was cut short by a crash

/// By what is asked for, not by how the file is called: old tools name requests in other ways.
fs::path file_of(const Paths& paths, const store::TransferRequest& request)
{
    return paths.state() / "transfers" / (request.file_name() + ".sent");
}

bool is_recent(const fs::path& file, TimePoint now)
{
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0
           && Clock::from_time_t(status.st_mtime) + meaningful_age > now;
}

std::string key_of(const std::string& series, const std::string& sop)
{
    return series + " " + sop;
}

} // namespace

Journal::Journal(const Paths& paths, const store::TransferRequest& request, TimePoint now)
    : m_file{file_of(paths, request)}, m_head{"request " + sha256_hex(json::write(request.content))}
{
    const auto text = is_recent(m_file, now) ? read_file_if_any(m_file).value_or("") : "";
    const auto lines = split(text, '\n');
    if (lines.front() != m_head || lines.size() < 2) {
        return;
    }
    m_started = true;
    m_is_torn = !lines.back().empty();
    for (const auto line : lines) {
        take(line);
    }
}

/// stored SERIES SOP [STATUS [decoded]] ok, lost SERIES SOP ok, asked TRANSACTION SECONDS ok,
/// committed SOP ok, answered ok, failed
void Journal::take(std::string_view line)
{
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
    if (words[0] == "stored" && words.size() >= 4) {
        Stored how;
        how.status = words.size() > 4 ? word(3) : how.status;
        how.was_decoded = word(4) == decoded_word;
        m_stored.insert_or_assign(key_of(word(1), word(2)), how);
    } else if (words[0] == "lost" && words.size() == 4) {
        m_stored.erase(key_of(word(1), word(2)));
    } else if (words[0] == "asked" && words.size() == 4) {
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
    const auto found = m_stored.find(key_of(series, sop));
    return found == m_stored.end() ? nullptr : &found->second;
}

void Journal::note_stored(const std::string& series, const std::string& sop, const Stored& how)
{
    const auto key = key_of(series, sop);
    append(fmt::format("stored {} {}{} {}", key, how.status,
                       how.was_decoded ? fmt::format(" {}", decoded_word) : "", whole));
    m_stored.insert_or_assign(key, how);
}

void Journal::note_lost(const std::string& series, const std::string& sop)
{
    append(fmt::format("lost {} {}", key_of(series, sop), whole));
    m_stored.erase(key_of(series, sop));
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
    std::string text = (m_is_torn ? "\n" : "") + lines + "\n";
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
    if (!m_started) { // nothing is there, or what is there means nothing
        make_directories(m_file.parent_path());
        text = m_head + "\n" + text;
        flags |= O_TRUNC;
    }
    const UniqueFd fd{::open(m_file.c_str(), flags, 0640)};
    if (!fd) {
        throw os_error(errno, "open the journal of a transfer");
    }
    // No sync: a lost line after a power loss only means that an object is sent twice.
    write_all(fd.get(), text, "the journal of a transfer");
    m_started = true;
    m_is_torn = false;
}

void Journal::remove(const Paths& paths, const store::TransferRequest& request)
{
    if (::unlink(file_of(paths, request).c_str()) != 0 && errno != ENOENT) {
        throw os_error(errno, "remove the journal of a transfer");
    }
}

} // namespace fiona::transfer
