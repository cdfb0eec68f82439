// SPDX-License-Identifier: MIT
#include "libfiona/export/move_receiver.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/pacs/receiver.h"
#include "libfiona/store/atomic_file.h"

#include <algorithm>
#include <system_error>
#include <vector>

namespace fiona::exports {

namespace fs = std::filesystem;

namespace {

json::Value receiver_config(const fs::path& root, const ExportSettings& settings)
{
    // The disk belongs to the exports: a pull that does not fit fails with ENOSPC as any other.
    return json::Object{
        {"ROOT", root.native()},
        {"DICOMPORT", settings.move_port},
        {"RECEIVER", json::Object{{"aet", settings.move_aet->str()},
                                  {"allowed_callers", json::Array{settings.pacs.called_aet}},
                                  {"soft_free_share", 0.0},
                                  {"soft_free_bytes", 0},
                                  {"hard_free_share", 0.0},
                                  {"hard_free_bytes", 0}}}};
}

} // namespace

MoveReceiver::MoveReceiver(const ExportSettings& settings) : m_root{settings.work / "tmp_receiver"}
{
    make_directories(m_root);
    m_lock.emplace(m_root / ".lock");
    const auto file = m_root / "config.json";
    store::write_file(file, json::write(receiver_config(m_root, settings)));
    m_config = Config::load(file);
    static_cast<void>(pacs::stop_receiver(*m_config)); // of an owner that was killed
    fs::remove_all(m_config->paths.archive());
    static_cast<void>(pacs::start_receiver(*m_config, {}));
}

MoveReceiver::~MoveReceiver()
{
    try {
        static_cast<void>(pacs::stop_receiver(*m_config));
        std::error_code ignored; // the next one tries again
        fs::remove_all(m_config->paths.archive(), ignored);
    } catch (const std::exception& e) {
        log::warn("move_receiver_not_stopped", {{"reason", e.what()}});
    }
}

void MoveReceiver::hand_over(const StudyUid& study, const fs::path& directory) const
{
    const auto arrived = m_config->paths.archive() / ("scp_" + study.str());
    if (!fs::exists(arrived)) {
        return;
    }
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator{arrived}) {
        files.push_back(entry.path());
    }
    for (const auto& file : files) {
        fs::rename(file, directory / file.filename());
    }
    sync_directory(directory);
}

} // namespace fiona::exports
