// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/ids.h"
#include "libfiona/export/zip_writer.h"
#include "libfiona/pacs/sender.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fiona::exports {

/// EXPORT of config.json, and where things are.
struct ExportSettings {
    std::filesystem::path list;         ///< prepared_downloads_list.jobs
    std::filesystem::path failed_list;  ///< failed_downloads_list.jobs, beside it
    std::filesystem::path measurements; ///< execMeasurements.json, beside it
    std::filesystem::path tokens;       ///< tokens.json, beside it; mode 0600
    std::filesystem::path packages;     ///< `<export>/Export/files`
    std::filesystem::path work;         ///< `<export>/Export`, of `tmp_<job>/`
    std::filesystem::path types; ///< exports.json: `<config>/exports.json`, else the shipped one
    std::filesystem::path last_exports; ///< `<state>/exports.json`: project -> time
    pacs::Peer pacs;                    ///< for queries and retrievals

    enum class Retrieve { get, move } retrieve = Retrieve::get;
    std::optional<AeTitle> move_aet;      ///< what the PACS calls us in a C-MOVE
    std::uint16_t move_port = 0;          ///< where it then sends to
    unsigned attempts = 3;                ///< failed ones until a job is given up
    std::chrono::seconds first_wait{180}; ///< after a failed attempt; doubled after each
    std::chrono::seconds longest_wait{3600};
    std::chrono::seconds converter_deadline{3600}; ///< of dcm2niix
    zip::Compression compression = zip::Compression::deflate;
    unsigned threads = 2;
    std::vector<std::string> mail_domains; ///< to whom packages may be mailed
    std::filesystem::path mail_template;   ///< `<config>/export-mail.txt`, else the shipped one
    std::string link; ///< where a package is fetched; its file name is put behind it
};

/// Throws Error{Fault::config}.
[[nodiscard]] ExportSettings read_settings(const Config& config);

} // namespace fiona::exports
