// SPDX-License-Identifier: MIT
#include "tests/e2e/ingest_site.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/library.h"
#include "libfiona/pacs/sender.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/daemon.h"
#include "libfiona/store/spool.h"
#include "tests/support/site.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <set>

namespace fs = std::filesystem;
using namespace fiona;

IngestSite::IngestSite()
{
    const auto file = m_directory / "config.json";
    store::write_file(
        file, json::write(json::Object{{"ROOT", (m_directory / "site").native()},
                                       {"DICOMPORT", free_port()},
                                       {"RECEIVER", json::Object{{"bind", "127.0.0.1"},
                                                                 {"soft_free_bytes", 0},
                                                                 {"soft_free_share", 0.0},
                                                                 {"hard_free_bytes", 0},
                                                                 {"hard_free_share", 0.0}}}}));
    m_config = Config::load(file);
    make_directories(m_config.paths.archive());
    start_daemons();
    REQUIRE(receiver() > 0);
    REQUIRE(processor() > 0);
}

IngestSite::~IngestSite()
{
    run("fiona-storescp", "stop");
    run("fiona-process-file", "stop");
}

void IngestSite::run(const std::string& tool, const std::string& verb) const
{
    run_tool(tool, {verb, "--config", m_config.file.native()});
}

void IngestSite::start_daemons() const
{
    run("fiona-storescp", "start");
    run("fiona-process-file", "start");
}

pid_t IngestSite::receiver() const
{
    return store::running_daemon(m_config.paths.server_pids() / "storescpd.pid").value_or(0);
}

pid_t IngestSite::processor() const
{
    return store::running_daemon(m_config.paths.server_pids() / "processSingleFile.pid")
        .value_or(0);
}

std::size_t IngestSite::waiting() const
{
    return store::Spool{m_config.paths.spool()}.count_waiting();
}

std::size_t IngestSite::given_up() const
{
    return store::Spool{m_config.paths.spool()}.count_failed();
}

std::vector<fs::path> IngestSite::make_images(const std::string& name,
                                              const std::vector<std::string>& arguments) const
{
    const auto directory = m_directory / name.c_str();
    std::vector<std::string> words{directory.native()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    REQUIRE(run_tool("make-phantoms", words).exit_code == 0);
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator{directory}) {
        if (entry.path().extension() == ".dcm") {
            files.push_back(entry.path());
        }
    }
    std::ranges::sort(files);
    return files;
}

IngestSite::Sorted IngestSite::sorted() const
{
    Sorted found;
    std::set<std::string> instances;
    for (const auto& entry : fs::recursive_directory_iterator{m_config.paths.raw()}) {
        if (entry.is_symlink()) {
            ++found.links;
            ++found.links_of_series[entry.path().parent_path().filename()];
            found.dead_links += fs::is_regular_file(entry.path()) ? 0U : 1U;
            instances.insert(entry.path().filename());
        }
    }
    found.instances = instances.size();
    for (const auto& entry : fs::recursive_directory_iterator{m_config.paths.raw()}) {
        if (entry.path().extension() == ".json" && entry.is_regular_file()) {
            const auto properties = json::parse(read_file(entry.path()), "series JSON");
            const auto links = found.links_of_series[entry.path().stem()];
            found.bad_counts += properties.text("NumFiles") == std::to_string(links) ? 0U : 1U;
        }
    }
    for (const auto& entry : fs::recursive_directory_iterator{m_config.paths.archive()}) {
        found.archived += entry.is_regular_file() ? 1U : 0U;
    }
    return found;
}

PatientSender::PatientSender(const Config& config, std::vector<fs::path> files,
                             std::string calling_aet)
    : m_port{config.receiver.port}, m_files{std::move(files)},
      m_calling_aet{std::move(calling_aet)}, m_thread{[this](const std::stop_token& stop) {
          send(stop);
      }}
{
}

void PatientSender::send(const std::stop_token& stop)
{
    const pacs::Peer peer{"127.0.0.1", m_port, "FIONA", m_calling_aet, std::chrono::seconds{20}};
    auto left = m_files;
    while (!left.empty() && !stop.stop_requested()) {
        try {
            const auto results = pacs::send_files(peer, left, [&](const pacs::SendResult& result) {
                m_acknowledged += result.outcome == pacs::SendOutcome::stored ? 1U : 0U;
            });
            left.clear();
            for (const auto& result : results) {
                if (result.outcome != pacs::SendOutcome::stored) {
                    left.push_back(result.file);
                }
            }
        } catch (const Error&) { // nobody listens just now
            std::this_thread::sleep_for(std::chrono::milliseconds{50});
        }
    }
    m_done = left.empty();
}

double resident_megabytes(pid_t pid)
{
    constexpr std::string_view key = "VmRSS:";
    const auto text = read_file_if_any(fmt::format("/proc/{}/status", pid)).value_or("");
    const auto at = text.find(key);
    return at == std::string::npos ? 0
                                   : std::strtod(text.c_str() + at + key.size(), nullptr) / 1024;
}

bool is_full_run()
{
    const auto* const wish =
        std::getenv("FIONA_TEST_FULL"); // NOLINT(concurrency-mt-unsafe) at start
    return wish != nullptr && std::string_view{wish} == "1";
}
