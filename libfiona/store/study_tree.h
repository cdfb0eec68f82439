// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"
#include "libfiona/base/private.h"
#include "libfiona/base/unique_fd.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fiona::store {

/// The sorted view of the archive. Links only; the bytes stay in `archive/scp_<Study>/`.
///
/// raw/<Study>/<Series>/<SOP>  -> the archive file (absolute)
/// raw/<Study>/<Series>.json   what is known of the series; written under raw/<Study>/.lock
/// participants/<PatientID>/<StudyDate>_<StudyTime>[_N] -> raw/<Study>
/// srs/<Manufacturer>/<Study>/<SOP> -> raw/<Study>/<Series>/<SOP>   (Modality SR)
///
/// link  JSON
///  -     -     not processed
///  +     -     killed in between; the entry is still in the spool and is done again
///  +     +     processed. The JSON may count fewer images than there are links: then too the
///              spool still holds the entry
///  -     +     the archive was cleaned; fiona-clear-stale-links removes the rest
class StudyTree {
public:
    explicit StudyTree(Paths paths);

    [[nodiscard]] std::filesystem::path study_directory(const StudyUid& study) const;
    [[nodiscard]] std::filesystem::path series_directory(const StudyUid& study,
                                                         const SeriesUid& series) const;
    [[nodiscard]] std::filesystem::path series_json(const StudyUid& study,
                                                    const SeriesUid& series) const;

    /// Makes the link raw/<Study>/<Series>/<SOP>; replaces one that dangles. True if it is new.
    // NOLINTNEXTLINE(modernize-use-nodiscard) made for its effect
    bool link_instance(const StudyUid& study, const SeriesUid& series, const SopInstanceUid& sop,
                       const std::filesystem::path& archive_file) const;
    /// Any text is safe: it is percent-encoded. A second study of equal date and time gets `_2`.
    void link_participant(const Private<std::string>& patient_id, const std::string& study_date,
                          const std::string& study_time, const StudyUid& study) const;
    void link_structured_report(const std::string& manufacturer, const StudyUid& study,
                                const SeriesUid& series, const SopInstanceUid& sop) const;

    [[nodiscard]] std::size_t count_instances(const StudyUid& study, const SeriesUid& series) const;
    [[nodiscard]] std::vector<StudyUid> studies() const;
    [[nodiscard]] bool has_study(const StudyUid& study) const;

    struct Series {
        SeriesUid uid;
        std::optional<json::Value> properties; ///< nothing: the JSON is missing or unreadable
        TimePoint changed;                     ///< mtime of the JSON; epoch if there is none
    };
    /// The series of one study, by UID. A directory without JSON is listed too.
    [[nodiscard]] std::vector<Series> series(const StudyUid& study) const;
    /// Newest mtime of the series JSONs; nothing if there is none.
    [[nodiscard]] std::optional<TimePoint> newest_change(const StudyUid& study) const;
    /// The link paths of one series, sorted by name.
    [[nodiscard]] std::vector<std::filesystem::path> instances(const StudyUid& study,
                                                               const SeriesUid& series) const;

private:
    Paths m_paths;
};

/// The links of one series, for many images at once: the directory raw/<Study>/<Series> is made and
/// opened once. If somebody removes it meanwhile, link() throws Error{Fault::temporary}.
class SeriesLinks {
public:
    SeriesLinks(const StudyTree& tree, const StudyUid& study, const SeriesUid& series);

    /// As StudyTree::link_instance().
    // NOLINTNEXTLINE(modernize-use-nodiscard) made for its effect
    bool link(const SopInstanceUid& sop, const std::filesystem::path& archive_file);
    /// Those there now, whoever made them.
    [[nodiscard]] std::size_t count() const;
    /// fsync(2) of the directory if something was linked since the last call.
    void sync();

private:
    std::filesystem::path m_directory;
    UniqueFd m_fd;
    bool m_is_synced = true;
};

/// Reads, changes and writes one series JSON while holding raw/<Study>/.lock. The file is replaced
/// only if the content changed: its mtime says when something new arrived.
class SeriesJsonUpdate {
public:
    SeriesJsonUpdate(const StudyTree& tree, const StudyUid& study, const SeriesUid& series);
    SeriesJsonUpdate(const SeriesJsonUpdate&) = delete;
    SeriesJsonUpdate& operator=(const SeriesJsonUpdate&) = delete;
    ~SeriesJsonUpdate();

    /// What is stored now; null if there is none or it cannot be read (then it is made anew).
    [[nodiscard]] const json::Value& stored() const { return m_stored; }
    /// True if the file was written.
    bool replace(const json::Value& properties);

private:
    std::unique_ptr<FileLock> m_lock;
    std::filesystem::path m_path;
    std::string m_bytes;
    json::Value m_stored;
};

} // namespace fiona::store
