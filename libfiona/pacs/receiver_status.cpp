// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_status.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/pacs/receiver_peer.h"

#include <fcntl.h>

#include <cerrno>

namespace fiona::pacs {

namespace fs = std::filesystem;

json::Value ReceiverStatus::as_json(TimePoint now) const
{
    json::Array list;
    auto all_objects = objects;
    auto all_bytes = bytes;
    auto all_refused = refused_objects;
    for (const auto& [child, state] : associations) {
        const auto& report = state.report;
        all_objects += report.objects;
        all_bytes += report.bytes;
        all_refused += report.refused;
        list.push_back(json::Object{{"pid", child},
                                    {"caller", printable(report.caller)},
                                    {"called", printable(report.called)},
                                    {"address", report.address},
                                    {"host", report.host},
                                    {"since", iso8601_utc(state.since)},
                                    {"objects", report.objects},
                                    {"bytes", report.bytes},
                                    {"refused", report.refused}});
    }
    return json::Object{{"v", 1},
                        {"pid", pid},
                        {"port", port},
                        {"started", iso8601_utc(started)},
                        {"updated", iso8601_utc(now)},
                        {"disk", disk},
                        {"enabled", is_enabled},
                        {"associations", std::move(list)},
                        {"accepted", accepted},
                        {"turned_away", turned_away},
                        {"objects", all_objects},
                        {"bytes", all_bytes},
                        {"refused_objects", all_refused}};
}

void write_status(const fs::path& file, const json::Value& status)
{
    const auto temporary = file.parent_path() / ("." + file.filename().native() + ".part");
    {
        const UniqueFd fd{
            ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640)};
        if (!fd) {
            throw os_error(errno, fmt::format("write {}", file.native()));
        }
        write_all(fd.get(), json::write(status, json::Style::pretty) + "\n", file.native());
    }
    fs::rename(temporary, file);
}

fs::path status_file(const Config& config)
{
    return config.paths.status() / "storescp.json";
}

bool is_reception_enabled(const Paths& paths)
{
    constexpr std::size_t max_bytes = 4096;
    for (const auto& file : {paths.config() / "enabled", paths.data / "enabled"}) {
        if (const auto text = read_file_if_any(file, max_bytes)) {
            return text->empty() || text->front() != '0';
        }
    }
    return true;
}

} // namespace fiona::pacs
