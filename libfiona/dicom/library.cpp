// SPDX-License-Identifier: MIT
#include "libfiona/dicom/library.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/oflog/oflog.h>

namespace fiona::dicom {

Library::Library()
{
    static const bool once = [] {
        OFLog::configure(OFLogger::OFF_LOG_LEVEL);
        return true;
    }();
    static_cast<void>(once);
}

} // namespace fiona::dicom
