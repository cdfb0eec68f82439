// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/json.h"
#include "libfiona/wsi/folder_files.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::wsi {

/// How far the work on one upload has come, in an order that only goes forward.
enum class Stage {
    filed,     ///< nothing has left
    placed,    ///< of a slide delivered as a file: the image is in its folder, `.import` is next
    delivered, ///< the PACS, or the folder, has all of it
    recorded,  ///< the receipt is written
    reported,  ///< REDCap knows
    finished,  ///< the JSON is in uploads_done/; what is left is to be removed
};
[[nodiscard]] std::string_view to_string(Stage stage);

/// `<state>/slides/<id>.json`, mode 0640: what a run knows of an upload that the next one must know, too. It
/// goes with the upload, and stays while that is in uploads_failed/. No original identifiers.
struct UploadState {
    Stage stage = Stage::filed;
    TimePoint begun{};         ///< the first try: also the date of the import
    bool is_accepted = false;  ///< its project takes such a participant: now it may be named
    unsigned attempts = 0;     ///< that counted
    unsigned postponed = 0;    ///< all that failed
    TimePoint not_before{};    ///< the next try
    std::string last_error;    ///< "" if none
    std::string mode;          ///< path or dicom, once it is decided
    std::string study, series; ///< new UIDs of a slide that became DICOM
    std::string input_sha256;  ///< of the image
    std::string input_md5;
    std::optional<FileIdentity> image{};         ///< which the digests are of
    std::string receipt;                         ///< its id
    std::string done_name;                       ///< in uploads_done/
    json::Object added{};                        ///< keys for the JSON
    json::Value result{json::Object{}};          ///< what was made and sent, for the receipt
    std::map<std::string, std::string> stores{}; ///< SOP instance UID -> status of C-STORE

    [[nodiscard]] json::Value to_json() const;
    /// Throws Error{Fault::data} if it is none.
    [[nodiscard]] static UploadState parse(const json::Value& json);
};

class UploadStates {
public:
    explicit UploadStates(const Paths& paths);

    /// A new one if there is none, or it cannot be read: then the work begins again, to the same result.
    [[nodiscard]] UploadState load(const std::string& id) const;
    void save(const std::string& id, const UploadState& state) const;
    void remove(const std::string& id) const;
    [[nodiscard]] std::vector<std::string> ids() const;

private:
    [[nodiscard]] std::filesystem::path file_of(const std::string& id) const;

    std::filesystem::path m_directory;
};

} // namespace fiona::wsi
