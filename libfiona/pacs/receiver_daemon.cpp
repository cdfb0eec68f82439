// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/pacs/receiver.h"
#include "libfiona/pacs/receiver_listener.h"
#include "libfiona/pacs/receiver_status.h"

namespace fiona::pacs {

ReceiverFiles ReceiverFiles::of(const Config& config)
{
    const auto name = "storescpd" + config.project;
    return {config.paths.server_pids() / (name + ".pid"),
            config.paths.server_logs() / (name + ".log"), status_file(config)};
}

store::StartResult start_receiver(const Config& config, std::optional<std::uint16_t> port,
                                  const std::vector<std::string>& arguments)
{
    const auto files = ReceiverFiles::of(config);
    if (store::running_daemon(files.pid_file)) {
        return store::StartResult::already_running;
    }
    // Only to say at once what the daemon would say in its log ten seconds later.
    static_cast<void>(Listener{config.receiver.bind_address, port.value_or(config.receiver.port)});
    return store::start_daemon(files.pid_file, arguments, files.log);
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
    if (!pid) {
        return state;
    }
    state["pid"] = *pid;
    if (const auto text = read_file_if_any(files.status)) {
        const auto written = json::parse(*text, files.status.native());
        for (const auto& [key, value] : written.object()) {
            state.emplace(key, value);
        }
    }
    return state;
}

} // namespace fiona::pacs
