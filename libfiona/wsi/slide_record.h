// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace fiona::wsi {

/// What the uploader says of a slide: the keys of its JSON. Research data, pseudonymous by the uploader's
/// word; values are data wherever they go, never paths, patterns or commands.
struct SlideRecord {
    std::string project;     ///< project_name
    std::string record_id;   ///< record_id, also the DICOM PatientID and PatientName
    std::string event;       ///< redcap_event_name
    std::string block_nr;    ///< patho_block_nr
    std::string stain;       ///< patho_stain, "[12710003] 06 HE" or plain
    std::string biopsy_nr;   ///< patho_biopsy_nr
    std::string biopsy_id;   ///< patho_biopsy_id
    std::string slide_id;    ///< patho_slide_id
    std::string slide_nr;    ///< patho_slide_nr
    std::string specimen;    ///< patho_specimen, "Kidney [64033007]" or plain
    std::string rek;         ///< patho_rek
    std::string department;  ///< patho_department
    std::string database_id; ///< patho_databaseid
    std::string image_id;    ///< patho_image_id
};

} // namespace fiona::wsi
