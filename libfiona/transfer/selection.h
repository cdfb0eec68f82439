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
/// has its pixels looked at first, whatever the rules of classification said or failed to say.
namespace fiona::transfer {

enum class Fate {
    send,
    clean,  ///< may show text: leaves only without it
    hold,   ///< must not leave as it is; a person has to act
    skip,   ///< the project does not want it
    refuse, ///< cannot be read, or is no longer on this machine
};

struct Image {
    std::filesystem::path file; ///< the link below raw/
    SeriesUid series;
    Fate fate = Fate::hold;
    std::string reason; ///< for people, no values of the header; empty for send and clean
    std::uint64_t bytes = 0;
    std::uint64_t decoded_bytes =
        0; ///< of its pixels without compression, as the header says; for clean
    bool is_no_image =
        false; ///< viewers show nothing of it, and a picture should say that it is there
};

/// Every instance that is linked in the study, each with its fate, by series and name.
///
/// A series without readable JSON is held. One whose ClassifyType says CHECKBURNEDINFO has its pixels
/// cleaned, but for original MR and CT images of a `(shadow) ` series. Then each file's header is
/// looked at, for the JSON may be wrong: the same goes for BurnedInAnnotation YES, secondary
/// captures, ultrasound, endoscopy, photographs, modality OT, screen saves, and overlays in bits that no
/// sample uses, which cleaning clears. What has no pixel data is sent. With the project's feature 1 ("never anonymize burned-in image data"), and where one of its
/// exclusions matches, images go as they are, as the original does. Feature 0 skips presentation
/// states, feature 2 secondary captures (and what CHECKBURNEDINFO marks).
///
/// What has no pixel data is no image (Image::is_no_image) if its series is marked ABCD-Physio, or if its
/// class is one of `no_image_classes`.
///
/// Throws Error{Fault::io} if the disk fails; what is wrong with one file is its fate.
[[nodiscard]] std::vector<Image>
select_images(const store::StudyTree& tree, const StudyUid& study,
              const redcap::ResearchProject& project,
              const std::vector<std::string>& no_image_classes = {});

/// Of the pixels of an image without compression, as its header says; 0 if that makes no sense.
/// Throws Error{Fault::data} if the header cannot be read.
[[nodiscard]] std::uint64_t decoded_bytes(const std::filesystem::path& file);

} // namespace fiona::transfer
