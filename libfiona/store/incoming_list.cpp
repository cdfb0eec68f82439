// SPDX-License-Identifier: MIT
#include "libfiona/store/incoming_list.h"

#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"

#include <sys/stat.h>

namespace fiona::store {

namespace {

constexpr std::chrono::seconds lock_patience{10};
constexpr mode_t mode_of_a_new_file = 0644; // the Assign page reads it as another user

/// The field before the next blank, taken off `text`.
std::string_view take_field(std::string_view& text)
{
    const auto blank = text.find(' ');
    const auto field = text.substr(0, blank);
    text = blank == std::string_view::npos ? std::string_view{} : text.substr(blank + 1);
    return field;
}

std::optional<IncomingLine> parse(std::string_view text)
{
    const auto arrived = read_number<std::int64_t>(take_field(text));
    const auto caller = take_field(text);
    const auto called = take_field(text);
    const auto host = take_field(text);
    auto study = take_field(text);
    constexpr std::string_view prefix = "scp_";
    if (study.starts_with(prefix)) {
        study.remove_prefix(prefix.size());
    }
    if (!arrived || *arrived < 0 || *arrived > end_of_clock || !is_uid(study)) {
        return std::nullopt;
    }
    const auto series = read_number<unsigned>(take_field(text));
    const auto modalities = take_field(text);
    return IncomingLine{.arrived = *arrived,
                        .caller = percent_decoded(caller),
                        .called = percent_decoded(called),
                        .host = percent_decoded(host),
                        .study = StudyUid{std::string{study}},
                        .series = series.value_or(0),
                        .modalities = percent_decoded(modalities),
                        .rest = std::string{text}};
}

std::string formatted(const IncomingLine& line, std::string_view rest)
{
    return fmt::format("{} {} {} {} {} {} {}{}{}", line.arrived, percent_encoded(line.caller),
                       percent_encoded(line.called), percent_encoded(line.host), line.study,
                       line.series, percent_encoded(line.modalities), rest.empty() ? "" : " ",
                       rest);
}

std::optional<struct stat> status_of(const std::filesystem::path& file)
{
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 ? std::optional{status} : std::nullopt;
}

TimePoint modified(const struct stat& status)
{
    return Clock::from_time_t(status.st_mtim.tv_sec);
}

/// The time in the first field; nothing if there is none, or if it is more than a day ahead (a
/// clock may be wrong by hours, and milliseconds look like the far future).
std::optional<std::int64_t> arrival_in(std::string_view line, TimePoint now)
{
    constexpr std::int64_t day = 86'400;
    const auto arrived = read_number<std::int64_t>(take_field(line));
    return arrived && *arrived <= epoch_seconds(now) + day ? arrived : std::nullopt;
}

} // namespace

IncomingList::IncomingList(std::filesystem::path file) : m_file{std::move(file)} {}

/// `change` makes the new content of the old one.
void IncomingList::rewrite(const std::function<std::string(std::string_view)>& change,
                           SharedList::Time time) const
{
    const FileLock lock{m_file.native() + ".lock", lock_patience};
    const SharedList list{m_file, mode_of_a_new_file};
    const auto now = Clock::now(); // it is held against the times of files
    list.bring_over(now);
    const auto before = read_file_if_any(m_file).value_or("");
    if (const auto after = change(before); after != before) {
        list.replace(before, after, now, time);
    }
}

void IncomingList::put(const IncomingLine& line) const
{
    make_directories(m_file.parent_path());
    rewrite(
        [&](std::string_view before) {
            std::string after;
            bool placed = false;
            for (const auto text : split(before, '\n')) {
                if (text.empty()) {
                    continue;
                }
                const auto present = parse(text);
                if (!present || present->study != line.study) {
                    after += fmt::format("{}\n", text);
                } else if (!placed) { // further lines of the same study go
                    after += formatted(line, line.rest.empty() ? present->rest : line.rest) + "\n";
                    placed = true;
                }
            }
            if (!placed) {
                after += formatted(line, line.rest) + "\n";
            }
            return after;
        },
        SharedList::Time::now);
}

std::size_t IncomingList::remove(const std::set<StudyUid>& studies) const
{
    std::size_t removed = 0;
    if (studies.empty() || !status_of(m_file)) {
        return removed;
    }
    rewrite(
        [&](std::string_view before) {
            removed = 0;
            std::string after;
            for (const auto text : split(before, '\n')) {
                const auto present = parse(text);
                if (present && studies.contains(present->study)) {
                    ++removed;
                } else if (!text.empty()) {
                    after += fmt::format("{}\n", text);
                }
            }
            return after;
        },
        SharedList::Time::kept);
    return removed;
}

IncomingList::Cleaned IncomingList::remove_old(TimePoint now, std::chrono::seconds age,
                                               Mode mode) const
{
    const auto limit = epoch_seconds(now) - age.count();
    Cleaned cleaned;
    std::vector<std::string> removed;
    const auto change = [&](std::string_view before) {
        const auto status = status_of(m_file);
        const bool is_abandoned = status && epoch_seconds(modified(*status)) <= limit;
        cleaned = {};
        removed.clear();
        std::string after;
        for (const auto text : split(before, '\n')) {
            if (trimmed(text).empty()) {
                continue;
            }
            const auto arrived = arrival_in(text, now);
            const bool stays = arrived ? *arrived > limit : !is_abandoned;
            if (stays) {
                ++(arrived ? cleaned.kept : cleaned.unreadable_kept);
                after += fmt::format("{}\n", text);
                continue;
            }
            ++(arrived ? cleaned.removed : cleaned.unreadable_removed);
            const auto line = parse(text);
            removed.push_back(line ? line->study.str() : "unknown");
        }
        return after;
    };
    if (!status_of(m_file)) {
        return cleaned;
    }
    if (mode == Mode::dry_run) {
        static_cast<void>(change(read_file_if_any(m_file).value_or("")));
    } else {
        rewrite(change, SharedList::Time::kept);
    }
    for (const auto& study : removed) {
        log::info("entry_expired", {{"study", study}});
    }
    if (cleaned.unreadable_kept > 0) {
        log::warn("entries_unreadable",
                  {{"file", m_file.native()}, {"lines", cleaned.unreadable_kept}});
    }
    return cleaned;
}

std::vector<IncomingLine> IncomingList::lines() const
{
    std::vector<IncomingLine> lines;
    const auto content = read_file_if_any(m_file).value_or("");
    for (const auto text : split(content, '\n')) {
        if (auto line = parse(text)) {
            lines.push_back(std::move(*line));
        }
    }
    return lines;
}

} // namespace fiona::store
