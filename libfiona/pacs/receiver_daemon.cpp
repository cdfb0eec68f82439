// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/pacs/receiver.h"
#include "libfiona/pacs/receiver_access.h"
#include "libfiona/pacs/receiver_listener.h"
#include "libfiona/pacs/receiver_status.h"
#include "libfiona/pacs/receiver_tls.h"

#include <chrono>
#include <thread>

namespace fiona::pacs {

namespace {

constexpr std::chrono::seconds status_patience{2};

/// What the process `pid` has written about itself; nothing if the file is of another one, or is what
/// a power loss has left of it.
std::optional<json::Value> written_status(const ReceiverFiles& files, std::optional<pid_t> pid)
{
    const auto text = read_file_if_any(files.status);
    if (!text || !pid) {
        return std::nullopt;
    }
    try {
        auto status = json::parse(*text, files.status.native());
        const auto* const writer = status.find("pid");
        if (writer != nullptr && writer->is_integer() && writer->integer() == *pid) {
            return status;
        }
    } catch (const Error& e) {
        log::warn("status_unreadable", {{"reason", e.what()}});
    }
    return std::nullopt;
}

} // namespace

ReceiverFiles ReceiverFiles::of(const Config& config)
{
    const auto name = "storescpd" + config.project;
    return {config.paths.server_pids() / (name + ".pid"),
            config.paths.server_logs() / (name + ".log"), status_file(config)};
}

void check_settings(const Config& config)
{
    static_cast<void>(AccessList{config.receiver});
    if (config.receiver.tls) {
        static_cast<void>(TlsContext{*config.receiver.tls});
    }
}

store::StartResult start_receiver(const Config& config, std::optional<std::uint16_t> port,
                                  const std::vector<std::string>& arguments)
{
    const auto files = ReceiverFiles::of(config);
    if (store::running_daemon(files.pid_file)) {
        return store::StartResult::already_running;
    }
    check_settings(config);
    // Only to say at once what the daemon would say in its log ten seconds later.
    static_cast<void>(Listener{config.receiver.bind_address, port.value_or(config.receiver.port)});
    const auto result = store::start_daemon(files.pid_file, arguments, files.log);
    // The lock comes first, the status file a moment later: whoever started it may ask for the port.
    const auto deadline = std::chrono::steady_clock::now() + status_patience;
    while (!written_status(files, store::running_daemon(files.pid_file))
           && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return result;
}

store::StopResult stop_receiver(const Config& config)
{
    constexpr std::chrono::seconds for_the_rest{5}; // killing and reaping after the grace
    return store::stop_daemon(ReceiverFiles::of(config).pid_file,
                              config.receiver.stop_grace + for_the_rest);
}

json::Value receiver_state(const Config& config)
{
    const auto files = ReceiverFiles::of(config);
    const auto pid = store::running_daemon(files.pid_file);
    json::Object state{{"running", pid.has_value()},
                       {"enabled", is_reception_enabled(config.paths)}};
    if (pid) {
        state["pid"] = *pid;
    }
    if (const auto written = written_status(files, pid)) {
        for (const auto& [key, value] : written->object()) {
            state.emplace(key, value);
        }
    }
    state.emplace("associations", json::Array{});
    return state;
}

} // namespace fiona::pacs
