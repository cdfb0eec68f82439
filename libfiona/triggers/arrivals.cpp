// SPDX-License-Identifier: MIT
#include "libfiona/triggers/arrivals.h"

#include "libfiona/base/csv.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>

namespace fiona::triggers {

namespace fs = std::filesystem;

namespace {

/// Where we are in the audit.
struct Cursor {
    std::int64_t offset = 0;
    std::int64_t inode = 0;
    std::int64_t since = 0; ///< epoch seconds: the last firing, or when the link was new

    [[nodiscard]] json::Value to_json() const
    {
        return json::Object{{"offset", offset}, {"inode", inode}, {"since", since}};
    }
    [[nodiscard]] static Cursor from(const json::Value& state)
    {
        const auto number = [&](std::string_view key) {
            const auto* const found = state.find(key);
            if (found == nullptr) {
                throw Error{Fault::data, "the state of a link has no {}", key};
            }
            return found->integer();
        };
        return {number("offset"), number("inode"), number("since")};
    }
};

struct News {
    std::string text; ///< whole lines
    Cursor end;
    bool is_another_file = false;
};

News read_news(const fs::path& audit, const Cursor& from)
{
    News news{.text = {}, .end = from};
    const UniqueFd fd{::open(audit.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) {
        if (errno == ENOENT) { // nothing was ever transferred
            return news;
        }
        throw os_error(errno, "open the audit of transfers");
    }
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) {
        throw os_error(errno, "look at the audit of transfers");
    }
    const auto inode = static_cast<std::int64_t>(status.st_ino);
    if (inode != from.inode || status.st_size < from.offset) {
        news.end = {0, inode, from.since};
        news.is_another_file = from.inode != 0;
    }
    std::array<char, 65536> block{};
    for (auto offset = news.end.offset;;) {
        const auto got = ::pread(fd.get(), block.data(), block.size(), offset);
        if (got < 0 && errno != EINTR) {
            throw os_error(errno, "read the audit of transfers");
        }
        if (got == 0) {
            break;
        }
        news.text.append(block.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        offset += std::max<ssize_t>(got, 0);
    }
    news.text.resize(news.text.rfind('\n') + 1); // npos + 1 is 0: not one whole line yet
    news.end.offset += static_cast<std::int64_t>(news.text.size());
    return news;
}

/// Nothing but new identifiers, in the words of the list.
std::vector<json::Value> studies_of(const json::Value& record)
{
    std::vector<json::Value> studies;
    const auto* const counts = record.find("counts");
    const auto* const stored = counts == nullptr ? nullptr : counts->find("stored");
    const auto* const uids = record.find("new_studies");
    if (stored == nullptr || stored->integer() == 0 || uids == nullptr) {
        return studies;
    }
    std::string modalities; // a line of an older version says nothing of them
    if (const auto* const found = record.find("modalities")) {
        for (const auto& modality : found->array()) {
            modalities += (modalities.empty() ? "" : "+") + modality.text();
        }
    }
    for (const auto& uid : uids->array()) {
        studies.emplace_back(json::Object{{"project", record.text("project")},
                                          {"participant", record.text("participant")},
                                          {"event", record.text("event")},
                                          {"study_instance_uid", uid.text()},
                                          {"transfer_date", record.text("time").substr(0, 16)},
                                          {"modality", modalities},
                                          {"images", stored->integer()}});
    }
    return studies;
}

/// A cell that a spreadsheet would take for a formula becomes text.
std::string cell(const json::Value& item, std::string_view key)
{
    const auto text = item.text(key);
    const bool is_formula =
        !text.empty() && std::string_view{"=+-@\t\r"}.find(text[0]) != std::string_view::npos;
    return csv::quoted(is_formula ? "'" + text : text, ',');
}

/// A line break in a value must not make a line of its own.
std::string word(const json::Value& item, std::string_view key)
{
    auto text = item.text(key);
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
    return text;
}

} // namespace

Answer data_arrived(const fs::path& audit, const std::set<std::string, std::less<>>& projects,
                    const json::Value& state, TimePoint now)
{
    constexpr std::int64_t day = 86'400;
    if (state.is_null()) {
        auto cursor = read_news(audit, {0, 0, epoch_seconds(now)}).end;
        return {.firing = {}, .state = cursor.to_json()};
    }
    auto news = read_news(audit, Cursor::from(state));
    Firing firing;
    for (const auto line : split(news.text, '\n')) {
        json::Value record;
        try {
            record = json::parse(line, "a line of the audit");
        } catch (const Error&) { // torn when a disk was full; fiona-verify has the receipts
            continue;
        }
        const auto oldest = iso8601_utc(Clock::from_time_t(news.end.since - day));
        if (!projects.contains(record.text("project"))
            || (news.is_another_file && record.text("time") < oldest)) {
            continue;
        }
        for (auto& study : studies_of(record)) {
            firing.items.push_back(std::move(study));
            firing.key = record.text("id");
        }
    }
    Answer answer;
    if (!firing.items.empty()) {
        firing.since = local_minute(Clock::from_time_t(news.end.since));
        news.end.since = epoch_seconds(now);
        answer.firing = std::move(firing);
    }
    answer.state = news.end.to_json();
    return answer;
}

std::optional<Letter> study_list(const Firing& firing)
{
    constexpr std::size_t most_lines = 1000;
    std::map<std::string, std::vector<const json::Value*>> by_project;
    for (const auto& item : firing.items) {
        if (!item.text("participant").empty()) {
            by_project[word(item, "project")].push_back(&item);
        }
    }
    if (by_project.empty()) {
        return std::nullopt;
    }
    std::string body;
    std::string table = "participant,event,study_instance_uid,transfer_date\r\n";
    for (const auto& [project, items] : by_project) {
        body += fmt::format("{}{} {} arrived{}{}.\n", body.empty() ? "" : "\n", items.size(),
                            items.size() == 1 ? "study" : "studies",
                            project.empty() ? "" : " for project " + project,
                            firing.since.empty() ? "" : " since " + firing.since);
        for (std::size_t i = 0; i < std::min(items.size(), most_lines); ++i) {
            const auto& item = *items[i];
            const auto images = item.text("images");
            const auto modality = word(item, "modality");
            body += fmt::format("{} {} {}{}{}{}\n", word(item, "participant"), word(item, "event"),
                                modality, modality.empty() ? "" : " ", word(item, "transfer_date"),
                                images.empty() ? "" : fmt::format(" ({} images)", images));
        }
        body += items.size() > most_lines
                    ? fmt::format("and {} more: see the attachment\n", items.size() - most_lines)
                    : "";
        for (const auto* const item : items) {
            table +=
                fmt::format("{},{},{},{}\r\n", cell(*item, "participant"), cell(*item, "event"),
                            cell(*item, "study_instance_uid"), cell(*item, "transfer_date"));
        }
    }
    return Letter{std::move(body), std::move(table)};
}

} // namespace fiona::triggers
