// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/process.h"
#include "libfiona/pacs/receiver.h"
#include "libfiona/pacs/receiver_access.h"
#include "libfiona/pacs/receiver_listener.h"
#include "libfiona/pacs/receiver_status.h"
#include "libfiona/pacs/receiver_tls.h"

#include <chrono>
#include <thread>

namespace fiona::pacs {

namespace fs = std::filesystem;

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

std::vector<std::string> command_line(const Config& config, const ReceiverOptions& options)
{
    std::vector<std::string> words{sibling_program("fiona-storescp"), "--config",
                                   fs::absolute(config.file)};
    if (!config.project.empty()) {
        words.insert(words.end(), {"--project", config.project});
    }
    if (options.port) {
        words.insert(words.end(), {"--port", std::to_string(*options.port)});
    }
    if (options.keep_rejected) {
        words.emplace_back(*options.keep_rejected ? "--keep-rejected" : "--drop-rejected");
    }
    words.emplace_back("run");
    return words;
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

store::StartResult start_receiver(const Config& config, const ReceiverOptions& options)
{
    const auto files = ReceiverFiles::of(config);
    if (store::running_daemon(files.pid_file)) {
        return store::StartResult::already_running;
    }
    check_settings(config);
    // Only to say at once what the daemon would say in its log ten seconds later.
    static_cast<void>(
        Listener{config.receiver.bind_address, options.port.value_or(config.receiver.port)});
    const auto result =
        store::start_daemon(files.pid_file, command_line(config, options), files.log);
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

std::vector<std::vector<std::string>> receiver_rows(const json::Value& state)
{
    std::vector<std::vector<std::string>> rows{{"pid", state.text("pid")},
                                               {"port", state.text("port")}};
    if (state.find("tls_port") != nullptr) {
        rows.push_back({"tls port", state.text("tls_port")});
    }
    rows.insert(rows.end(), {{"started", state.text("started")},
                             {"disk", state.text("disk")},
                             {"objects", state.text("objects")},
                             {"duplicates", state.text("duplicates")},
                             {"replaced", state.text("replaced")},
                             {"refused", state.text("refused_objects")},
                             {"turned away", state.text("turned_away")}});
    if (const auto* const total = state.find("total")) {
        rows.push_back({"since " + total->text("since"), total->text("objects") + " objects",
                        total->text("refused_objects") + " refused"});
    }
    if (const auto* const associations = state.find("associations")) {
        for (const auto& one : associations->array()) {
            rows.push_back({"association", one.text("caller"), one.text("address"),
                            one.text("objects") + " objects"});
        }
    }
    return rows;
}

} // namespace fiona::pacs
