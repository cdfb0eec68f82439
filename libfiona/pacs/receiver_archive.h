// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/pacs/receiver_part.h"
#include "libfiona/pacs/receiver_peer.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/spool.h"

#include <map>
#include <set>
#include <string>

namespace fiona::pacs {

/// An object that has passed the pre-scan and whose UIDs are legal.
struct ArchivedObject {
    StudyUid study;
    SeriesUid series;
    SopInstanceUid sop;
    dicom::Prescan scan;
};

enum class Stored {
    created,   ///< a new object
    duplicate, ///< the archive had the same bytes: the old file stays
    replaced,  ///< the archive had other bytes under the same SOP instance UID
};

/// The receiver's side of the archive: `<archive>/scp_<StudyUID>/<MOD>.<SOPUID>`.
///
/// .incoming/P.part  archive/X  .spool/new/E  mark  answer
///        +              -           -          -      -     arriving; of a dead writer: swept after an hour
///        -              +           -          -      -     stored, crashed before the announcement: the sender has
///                                                           no success and sends again (a duplicate, announced
///                                                           then), or reconcile announces it
///        -              +           +          -      -     the same; processing is harmless
///        -              +           +          +     0000   done
///        -              -           -          -    error   refused: in .rejected/<reason>/ with a .reason beside
///                                                           it, or dropped when the disk is short
class Archive {
public:
    explicit Archive(const Config& config);

    /// Returns only when the object is as durable as configured, spooled and marked. Throws
    /// Error (io, temporary, permission): nothing was acknowledged, and sending again mends it.
    [[nodiscard]] Stored store(PartFile& part, const ArchivedObject& object,
                               const ReceiverPeer& peer);
    /// Moves `part` to `.rejected/<reason>/` under a name of ours; never throws (the answer is a
    /// refusal anyway). False if it could not be kept.
    bool set_aside(PartFile& part, std::string_view reason, std::string_view detail,
                   const ReceiverPeer& peer) const noexcept;
    /// Takes back the marks of this association.
    void end_association(const std::string& association) const;

    [[nodiscard]] const store::Spool& spool() const { return m_spool; }

private:
    int study_directory(const StudyUid& study);
    [[nodiscard]] Stored publish(PartFile& part, const ArchivedObject& object,
                                 const std::string& name);
    void announce(const ArchivedObject& object, const std::string& name, const ReceiverPeer& peer);
    void ring_doorbell();
    [[nodiscard]] bool is_durable() const;

    const Config& m_config;
    store::Spool m_spool;
    store::ArrivalMarks m_marks;
    UniqueFd m_archive;
    UniqueFd m_doorbell;
    std::map<StudyUid, UniqueFd>
        m_studies;              ///< open directories, a few, with a shared flock(2) each
    std::set<StudyUid> m_noted; ///< studies of this association in `.open/`
};

/// `<MOD>.<SOPUID>`: the modality is DCMTK's short name of the storage class, or UNKNOWN.
[[nodiscard]] std::string archive_name(std::string_view sop_class, const SopInstanceUid& sop);

/// Whether the files hold the same data set in the same transfer syntax, whatever their meta headers.
[[nodiscard]] bool is_same_object(int fd, const dicom::Prescan& scan, int other_fd);

} // namespace fiona::pacs
