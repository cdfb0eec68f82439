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

json::Value ReceiverStatus::as_json(TimePoint now, const ReceiverCounters& counters) const
{
    json::Array list;
    for (const auto& [child, state] : associations) {
        const auto& report = state.report;
        list.push_back(json::Object{{"pid", child},
                                    {"caller", printable(report.caller)},
                                    {"called", printable(report.called)},
                                    {"address", report.address},
                                    {"host", report.host},
                                    {"tls", state.is_tls},
                                    {"since", iso8601_utc(state.since)},
                                    {"objects", report.objects},
                                    {"bytes", report.bytes},
                                    {"refused", report.refused}});
    }
    auto status = counters.as_json();
    status["v"] = 1;
    status["pid"] = pid;
    status["port"] = port;
    if (tls_port) {
        status["tls_port"] = *tls_port;
    }
    status["started"] = iso8601_utc(started);
    status["updated"] = iso8601_utc(now);
    status["disk"] = disk;
    status["enabled"] = is_enabled;
    status["associations"] = std::move(list);
    status["accepted"] = accepted;
    auto& commitments = status["commitments"].object();
    commitments["waiting"] = reports_owed;
    commitments["failed"] = reports_given_up;
    return status;
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
