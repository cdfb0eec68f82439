// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/mode.h"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// One run over the uploads that wait. Several runs may work side by side.
namespace fiona::wsi {

enum class DeliveryMode {
    automatic, ///< as a file if the upload names an import folder, else DICOM
    path,
    dicom,
};

struct UploadOrder {
    std::vector<std::filesystem::path>
        only;                         ///< JSONs; empty: all. Named ones do not wait for their
                                      ///< next try
    std::optional<std::size_t> max{}; ///< uploads that are worked on
    DeliveryMode delivery = DeliveryMode::automatic;
    bool keeps_work = false; ///< the work folder stays, for a look at it
    Mode mode = Mode::apply;
};

/// One upload of the run. Neither its name nor a value of its JSON but the pseudonyms.
struct UploadItem {
    std::string id;
    std::string project, participant;
    std::string state;  ///< done, failed, postponed, waiting, busy, planned
    std::string reason; ///< for people; empty if all is well
    std::string mode;   ///< path or dicom; empty if it was not decided
    std::size_t levels = 0;
    std::uint64_t bytes = 0; ///< of the image
    double seconds = 0;
};

struct UploadReport {
    std::vector<UploadItem> items;
    std::optional<Error> problem; ///< the gravest; nothing if every upload went its way
};

/// Oldest first. What is wrong with one upload stops no other. With Mode::dry_run nothing is written or sent,
/// and REDCap is not asked.
[[nodiscard]] UploadReport process_uploads(const Config& config, const UploadOrder& order);

/// Where every upload is, those that failed included. Reads only.
[[nodiscard]] UploadReport upload_status(const Config& config, TimePoint now);

[[nodiscard]] json::Value as_json(const UploadReport& report);
/// upload, project, participant, state, mode, reason.
[[nodiscard]] std::vector<std::vector<std::string>> as_rows(const UploadReport& report);

} // namespace fiona::wsi
