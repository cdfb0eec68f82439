// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/json.h"
#include "libfiona/dicom/library.h"
#include "libfiona/store/requests.h"
#include "tests/support/small_image.h"
#include "tests/support/temp_dir.h"

#include <filesystem>
#include <string>
#include <vector>

/// The directories of a site with studies in archive/ and raw/, as the processor leaves them.
class TransferSite {
public:
    /// Of its own, below a temporary directory.
    TransferSite();
    /// Of a site that is there already.
    explicit TransferSite(fiona::Config config);

    [[nodiscard]] const fiona::Config& config() const { return m_config; }
    [[nodiscard]] fiona::Config& config() { return m_config; }
    [[nodiscard]] const fiona::Paths& paths() const { return m_config.paths; }
    [[nodiscard]] std::filesystem::path root() const { return m_root.path; }

    /// Writes the file, its link, and the JSON of its series with `properties` put over the usual.
    void add(const SmallImage& image, const fiona::json::Object& properties = {}) const;
    /// `count` MR images of one series. `number` tells studies apart.
    void add_study(int number, int count) const;
    [[nodiscard]] static std::string study_uid(int number);

    /// Puts a request for that study into transfer_requests/ and returns its file name. It was asked for on
    /// 2024-01-02 10:30; `sent`: its transfer_date.
    std::string file_request(const std::string& study, const std::string& project = "DEMO",
                             const std::string& participant = "DEMO_0001",
                             const std::string& sent = "") const;
    /// Where the request `name` is now: "requests", "work", "done", "failed", several joined by +.
    [[nodiscard]] std::string whereabouts(const std::string& name) const;
    /// Text of every file below processing/ and of all names below it and site/tmp.
    [[nodiscard]] std::string everything_written() const;

private:
    void make_directories() const;

    fiona::dicom::Library m_library;
    TempDir m_root;
    fiona::Config m_config;
};

/// What of SmallImage must not be in any text that leaves; "" if nothing of it is.
std::string identity_in(const std::string& text);
