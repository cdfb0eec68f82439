// SPDX-License-Identifier: MIT
#include "tests/support/orthanc_server.h"

#include "libfiona/base/json.h"
#include "tests/support/pacs_server.h"
#include "tests/support/skip.h"

#include <chrono>
#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;
using fiona::json::Array;
using fiona::json::Object;

namespace {

constexpr const char* program = "/usr/sbin/Orthanc";

} // namespace

bool OrthancServer::is_here()
{
    if (fs::exists(program)) {
        return true;
    }
    skip("the package orthanc is not installed");
    return false;
}

OrthancServer::OrthancServer(const Options& options)
    : m_port{unused_port()}, m_http_port{unused_port()}
{
    fs::create_directories(m_directory / "storage");
    Object modalities;
    for (const auto& [title, port] : options.destinations) {
        modalities[title] = Array{title, "127.0.0.1", port};
    }
    Array plugins;
    for (const auto& plugin : options.plugins) {
        plugins.emplace_back(plugin);
    }
    const Object configuration{{"Name", "TEST"},
                               {"StorageDirectory", (m_directory / "storage").native()},
                               {"IndexDirectory", (m_directory / "storage").native()},
                               {"Plugins", plugins},
                               {"HttpServerEnabled", !options.plugins.empty()},
                               {"HttpPort", m_http_port},
                               {"DicomServerEnabled", true},
                               {"DicomAet", "ORTHANC"},
                               {"DicomPort", m_port},
                               {"DicomCheckCalledAet", false},
                               {"DicomAlwaysAllowEcho", true},
                               {"DicomAlwaysAllowStore", true},
                               {"DicomAlwaysAllowFind", true},
                               {"DicomAlwaysAllowGet", true},
                               {"DicomAlwaysAllowMove", true},
                               {"DicomModalities", modalities},
                               {"LimitFindResults", options.limit},
                               {"StorageAccessOnFind", "Never"},
                               {"SyncStorageArea", false}, // no test pulls the plug
                               {"SaveJobs", false},
                               {"SynchronousCMove", true}};
    std::ofstream{m_directory / "orthanc.json"} << fiona::json::write(configuration);
    start();
}

void OrthancServer::start()
{
    m_process.emplace(std::vector<std::string>{program, (m_directory / "orthanc.json").native()},
                      m_directory / "process");
    wait_for_port(m_port, std::chrono::seconds{30});
}

void OrthancServer::restart()
{
    m_process.reset();
    start();
}

std::string OrthancServer::url() const
{
    return "http://127.0.0.1:" + std::to_string(m_http_port);
}

fiona::pacs::Peer OrthancServer::peer() const
{
    return {"127.0.0.1", m_port, "ORTHANC", "FIONA", std::chrono::seconds{20}};
}
