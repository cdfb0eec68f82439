// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"
#include "libfiona/redcap/projects.h"
#include "libfiona/store/study_tree.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// Which images of a study may leave. Fails closed: what is not known to be free of burned-in text
/// is held, whatever the rules of classification said or failed to say.
namespace fiona::transfer {

enum class Fate {
    send,
    hold,   ///< must not leave as it is; a person or a later tool has to act
    skip,   ///< the project does not want it
    refuse, ///< cannot be read, or is no longer on this machine
};

struct Image {
    std::filesystem::path file; ///< the link below raw/
    SeriesUid series;
    Fate fate = Fate::hold;
    std::string reason; ///< for people, no values of the header; empty for send
    std::uint64_t bytes = 0;
};

/// Every instance that is linked in the study, each with its fate, by series and name.
///
/// A series without readable JSON is held. So is one whose ClassifyType says CHECKBURNEDINFO, but
/// for original MR and CT images of a `(shadow) ` series. Then each file's header is looked at, for
/// the JSON may be wrong: BurnedInAnnotation YES, secondary captures, ultrasound, endoscopy,
/// photographs, modality OT and screen saves are held. With the project's feature 1 ("never
/// anonymize burned-in image data") no text holds an image: it goes as it is, as the original does.
/// Feature 0 skips presentation states, feature 2 secondary captures (and what CHECKBURNEDINFO
/// marks).
///
/// Throws Error{Fault::io} if the disk fails; what is wrong with one file is its fate.
[[nodiscard]] std::vector<Image> select_images(const store::StudyTree& tree, const StudyUid& study,
                                               const redcap::ResearchProject& project);

} // namespace fiona::transfer
