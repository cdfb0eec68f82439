// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/pathology_settings.h"
#include "libfiona/wsi/slide.h"
#include "libfiona/wsi/slide_claim.h"
#include "libfiona/wsi/slide_identity.h"
#include "libfiona/wsi/upload.h"
#include "libfiona/wsi/upload_state.h"

#include <functional>
#include <string>
#include <string_view>

namespace fiona::wsi {

/// One claimed upload on its way out. All is borrowed.
struct SlideWork {
    const Config& config;
    const PathologySettings& settings;
    const Upload& upload;
    const std::string& id;
    const SlideClaim& claim;
    const SlideIdentity& identity;
    const Slide& slide;
    UploadState& state;
    std::function<void()> save; ///< the state, durable when it returns
    /// For the page: what is done now, and how much of it, 0 to 100.
    std::function<void(std::string_view step, unsigned percent)> tell;
};

/// Bytes of disk that an upload needs while it is worked on: 2.2 times the image.
[[nodiscard]] std::uint64_t work_bytes(const Slide& slide);

/// Brings the slide, without label, macro and identifying values, to its import folder; then `.import`.
/// Stage::delivered when it returns. Throws Error{Fault::data} for a folder that is not allowed, a slide that
/// cannot be proven clean, and another file of that name; Fault::missing for a folder that is not there.
void deliver_as_file(const SlideWork& work);
/// Puts the clean copy (or, if the project wants it, the original) and `document` into the project's cache,
/// if it has one. To be called before the work folder goes.
void fill_project_cache(const SlideWork& work, int image, const json::Object& document);
/// Whether the project has a cache.
[[nodiscard]] bool has_project_cache(const Config& config, const Upload& upload);

/// Converts the slide, and sends all levels to the research PACS that it has not taken yet.
/// Stage::delivered when it returns. Throws Error{Fault::protocol} if the PACS refuses a level, Fault::temporary
/// if it did not answer for one, Fault::data for a slide that cannot be converted, or another image of
/// the same slide id.
void deliver_as_dicom(const SlideWork& work);

} // namespace fiona::wsi
