// SPDX-License-Identifier: MIT
// Lines of the lists that web pages append to: packages to be made, jobs to be run.
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/export/export_job.h"
#include "libfiona/jobs/job_list.h"
#include "tests/fuzz/fuzz.h"

using namespace fiona;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto line = as_text(data, size);
    try {
        const auto value = json::parse(line, "a line");
        promise(exports::id_of(value).size() == 16);
        const auto job = exports::read_job(value);
        promise(StudyUid{job.study.str()} == job.study);
        promise(job.id == exports::id_of(value));
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
    }
    try {
        const auto job = jobs::parse_line(line);
        promise(!job.id.empty() && job.id.find('/') == std::string::npos);
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
    }
    return 0;
}
