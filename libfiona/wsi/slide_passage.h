// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/pathology_settings.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/wsi/process_uploads.h"
#include "libfiona/wsi/slide_claim.h"
#include "libfiona/wsi/slide_identity.h"
#include "libfiona/wsi/slide_report.h"
#include "libfiona/wsi/upload_folder.h"
#include "libfiona/wsi/upload_state.h"

#include <functional>
#include <optional>
#include <string>

namespace fiona::wsi {

/// An upload's image, as far as it has come.
struct Arrival {
    UniqueFd image;                       ///< empty: not there
    std::optional<FileIdentity> identity; ///< if it is
    std::string missing;                  ///< what is waited for; "" if the image is whole
};
/// Throws Error{Fault::data} if it is no file, or its way leads through a link.
[[nodiscard]] Arrival look_for_image(const UploadFolder& folder, const Upload& upload,
                                     const PathologySettings& settings, TimePoint now);

/// "path" or "dicom". Throws Error{Fault::data} if a file is to be delivered nowhere.
[[nodiscard]] std::string delivery_of(const Upload& upload, DeliveryMode wish);

/// What the passages of one run share; all is borrowed.
struct Passages {
    const Config& config;
    const PathologySettings& settings;
    const UploadFolder& folder;
    const UploadStates& states;
    SlideReporter& reporter;
    const UploadOrder& order;
};

/// The way of one claimed upload from the folder of the Attach page to where it belongs. Each step is done when
/// its stage is saved; go() begins where the last one was cut off.
class SlidePassage {
public:
    SlidePassage(const Passages& means, const Ticket& ticket, const Upload& upload,
                 const SlideClaim& claim, UploadState& state);

    /// Throws Error for whatever is in the way; the state says how far it came.
    void go(const Arrival& arrival, UploadItem& item);

private:
    void know(const Arrival& arrival);
    void deliver(const Slide& slide, const SlideIdentity& identity, int image, UploadItem& item);
    void record();
    void report();
    void finish();
    void save() const;
    void tell(std::string_view step, unsigned percent) const;
    [[nodiscard]] json::Object content() const;
    [[nodiscard]] json::Object receipt_body() const;

    const Passages& m_means;
    const Ticket& m_ticket;
    const Upload& m_upload;
    const SlideClaim& m_claim;
    UploadState& m_state;
};

} // namespace fiona::wsi
