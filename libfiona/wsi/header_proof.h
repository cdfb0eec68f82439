// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/slide.h"
#include "libfiona/wsi/upload.h"

#include <filesystem>
#include <string>

namespace fiona::wsi {

/// Reads the header of a level again, after it was written, and searches it for everything that identifies
/// in the slide, and for the name the upload had; but for what the uploader himself wrote into its record.
/// Throws Error{Fault::data} with the name of the item, never its value; Fault::internal if the file is
/// not the SOP instance that it should be.
void require_clean_header(const std::filesystem::path& file, const std::string& sop_instance,
                          const Slide& slide, const Upload& upload);

} // namespace fiona::wsi
