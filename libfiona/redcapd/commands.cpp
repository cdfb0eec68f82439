// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/commands.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/process.h"
#include "libfiona/redcapd/api.h"
#include "libfiona/redcapd/faults.h"
#include "libfiona/redcapd/http_server.h"
#include "libfiona/redcapd/setup.h"
#include "libfiona/store/daemon.h"

#include <chrono>
#include <utility>

namespace fiona::redcapd {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds stop_grace{130}; // longer than a request may take (connection.cpp)

/// `http://127.0.0.1:8080/api/` -> `127.0.0.1:8080`; nothing for https, which is another server's.
std::optional<std::string> listen_address(std::string_view url)
{
    constexpr std::string_view scheme = "http://";
    if (!url.starts_with(scheme)) {
        return std::nullopt;
    }
    url.remove_prefix(scheme.size());
    std::string place{url.substr(0, url.find('/'))};
    const auto last_bracket = place.rfind(']');
    const auto colon = place.rfind(':');
    if (colon == std::string::npos || (last_bracket != std::string::npos && colon < last_bracket)) {
        place += ":80";
    }
    return place;
}

json::Array strings(const std::vector<std::string>& items)
{
    return {items.begin(), items.end()};
}

} // namespace

Commands::Commands(Places places, ReadConfig config, Report report)
    : m_places{std::move(places)}, m_config{std::move(config)}, m_report{std::move(report)}
{
}

fs::path Commands::database() const
{
    if (m_places.database) {
        return *m_places.database;
    }
    const auto* const section = m_config().document.find("REDCAP");
    const auto file = section == nullptr ? std::string{} : section->text("db");
    if (file.empty()) {
        throw Error{Fault::config, "no database: give --db, or REDCAP.db in the configuration"};
    }
    return file;
}

fs::path Commands::schemas() const
{
    return m_places.schemas ? *m_places.schemas : shipped_file("redcap");
}

fs::path Commands::pid_file() const
{
    return m_config().paths.pids() / "fiona-redcapd.pid";
}

bool Commands::dry_run() const
{
    return m_places.mode == Mode::dry_run;
}

void Commands::init() const
{
    const auto file = database();
    const auto tokens =
        m_places.tokens_file ? *m_places.tokens_file : m_config().redcap.tokens_file;
    const auto report = initialize({file, tokens, schemas()}, Clock::now(), m_places.mode);
    const std::string would = dry_run() ? "would be " : "";
    std::vector<std::string> lines;
    for (const auto& project : report.projects_made) {
        lines.push_back(fmt::format("project {}made: {}", would, project));
    }
    for (const auto& role : report.tokens_made) {
        lines.push_back(fmt::format("token {}made: {}", would, role));
    }
    m_report(json::Object{{"projects_made", strings(report.projects_made)},
                          {"tokens_made", strings(report.tokens_made)}},
             lines);
}

ServerSettings Commands::server_settings(const std::vector<std::string>& faults) const
{
    ServerSettings settings;
    for (const auto& fault : faults) {
        settings.faults.push_back(parse_fault(fault));
    }
    settings.listen = m_places.listen;
    settings.socket = m_places.socket;
    settings.clear = m_places.clear;
    settings.requests_per_minute = m_places.requests_per_minute;
    if (m_places.certificate.has_value() != m_places.key.has_value()) {
        throw Error{Fault::usage, "--cert and --key belong together"};
    }
    if (m_places.certificate) {
        settings.tls = {*m_places.certificate, *m_places.key};
    }
    if (settings.listen || settings.socket) {
        return settings;
    }
    const auto& config = m_config();
    settings.socket = config.redcap.unix_socket;
    if (settings.socket) {
        return settings;
    }
    if (settings.listen = listen_address(config.redcap.url); settings.listen) {
        settings.clear = Clear::on_loopback; // the URL says http://
    }
    const auto* const section = config.document.find("REDCAP");
    if (section != nullptr && !settings.tls && !section->text("listen").empty()) {
        settings.listen = section->text("listen");
        settings.tls = {section->text("cert"), section->text("key")};
    }
    return settings;
}

void Commands::serve(const std::vector<std::string>& faults) const
{
    const bool is_site_server = !m_places.listen && !m_places.socket;
    const auto settings = server_settings(faults);
    Api api{database()};
    HttpServer server{api, settings};
    std::optional<FileLock> lock; // only now: whoever sees it held may connect
    if (is_site_server) {
        make_directories(pid_file().parent_path());
        lock.emplace(pid_file());
    }
    for (const auto& address : server.addresses()) {
        log::info("server_started", {{"address", address}});
    }
    m_report(json::Object{{"addresses", strings(server.addresses())}}, server.addresses());
    server.run_until_signal();
    log::info("server_stopped");
}

void Commands::start() const
{
    if (dry_run()) {
        status();
        return;
    }
    const auto log_file = m_config().paths.logs() / "fiona-redcapd.log";
    const auto result = store::start_daemon(pid_file(),
                                            {sibling_program("fiona-redcapd"), "--config",
                                             fs::absolute(m_config().file).native(), "serve"},
                                            log_file);
    const auto* const words = result == store::StartResult::started ? "started" : "already running";
    m_report(json::Object{{"result", words}}, {words});
}

void Commands::stop() const
{
    if (dry_run()) {
        status();
        return;
    }
    const auto result = store::stop_daemon(pid_file(), stop_grace);
    const auto* const words = result == store::StopResult::stopped ? "stopped" : "was not running";
    m_report(json::Object{{"result", words}}, {words});
}

void Commands::status() const
{
    const auto pid = store::running_daemon(pid_file());
    m_report(json::Object{{"running", pid.has_value()}, {"pid", pid.value_or(0)}},
             {pid ? fmt::format("running, pid {}", *pid) : "not running"});
    if (!pid) {
        throw Error{Fault::unreachable, "fiona-redcapd does not run"};
    }
}

} // namespace fiona::redcapd
