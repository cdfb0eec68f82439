// SPDX-License-Identifier: MIT
#pragma once

namespace fiona::dicom {

/// Prepares DCMTK for this process: its own log is switched off (it prints values of headers and
/// names of files), wrong lengths are never "corrected" by guessing. Made once, before the first use
/// of dicom/, pacs/ or anonymize/; making another one is harmless.
class Library {
public:
    Library();
};

} // namespace fiona::dicom
