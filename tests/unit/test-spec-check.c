/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* spec: rules that hold without looking at the host. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "spec/check.h"
#include "spec/spec.h"

struct row {
    char members[300]; /* of config.json, beside ociVersion unless that is given */
    int want;
    char field[64];
    char text[100]; /* part of the message */
};

#define ROOT "'root':{'path':'r'}"
#define PROC(members) ROOT ",'process':{" members "}"
#define MNT "'namespaces':[{'type':'mount'}]"

ParameterizedTestParameters(spec_check, rules)
{
    static struct row rows[] = {
        {ROOT, 0, "", ""},
        {"'ociVersion':'1.0.2-dev'," ROOT, 0, "", ""},
        {"'ociVersion':'1.9.0+x'," ROOT, 0, "", ""},
        {"'ociVersion':'0.6.0'," ROOT, 0, "", ""},
        {"'ociVersion':'2.0.0'," ROOT, -EINVAL, "ociVersion", "newer"},
        {"'ociVersion':'1.3'," ROOT, -EINVAL, "ociVersion", "semantic version"},
        {"'ociVersion':''," ROOT, -EINVAL, "ociVersion", "semantic version"},
        {"'ociVersion':'1.0.0-'," ROOT, -EINVAL, "ociVersion", "semantic version"},
        {"'ociVersion':'1..0'," ROOT, -EINVAL, "ociVersion", "semantic version"},
        {"'ociVersion':'v1.0.0'," ROOT, -EINVAL, "ociVersion", "semantic version"},
        {"'ociVersion':'99999999999.0.0'," ROOT, -EINVAL, "ociVersion", "semantic version"},
        {"'hostname':''", -EINVAL, "root", "root must be specified"},
        {"'root':{'path':''}", -EINVAL, "root.path", "empty"},

        {PROC("'cwd':'/','args':['sh']"), 0, "", ""},
        {PROC("'cwd':'','args':['sh']"), -EINVAL, "process.cwd", "empty"},
        {PROC("'cwd':'tmp','args':['sh']"), -EINVAL, "process.cwd", "Cwd must be an absolute path"},
        {PROC("'cwd':'/'"), -EINVAL, "process.args", "args must not be empty"},
        {PROC("'cwd':'/','args':[]"), -EINVAL, "process.args", "args must not be empty"},
        {PROC("'cwd':'/','args':['']"), -EINVAL, "process.args[0]", "executable file not found in $PATH"},
        {PROC("'cwd':'/','args':['sh'],'env':['A=','B==','C=1']"), 0, "", ""},
        {PROC("'cwd':'/','args':['sh'],'env':['A=1','B']"), -EINVAL, "process.env[1]", "NAME=VALUE"},
        {PROC("'cwd':'/','args':['sh'],'env':['=1']"), -EINVAL, "process.env[0]", "no name"},
        {PROC("'cwd':'/','args':['sh'],'execCPUAffinity':{'initial':'0-3,7','final':'1'}"), 0, "", ""},
        {PROC("'cwd':'/','args':['sh'],'execCPUAffinity':{'initial':'3-1'}"), -EINVAL,
         "process.execCPUAffinity.initial", "bad CPUAffinity.Initial: `3-1`"},
        {PROC("'cwd':'/','args':['sh'],'execCPUAffinity':{'final':'1,'}"), -EINVAL, "process.execCPUAffinity.final",
         "bad CPUAffinity.Final"},
        {PROC("'cwd':'/','args':['sh'],'execCPUAffinity':{'final':','}"), -EINVAL, "process.execCPUAffinity.final",
         "bad CPUAffinity.Final"},
        {PROC("'cwd':'/','args':['sh'],'execCPUAffinity':{'initial':'','final':''}"), 0, "", ""},
        {PROC("'cwd':'/','args':['sh'],'execCPUAffinity':{'initial':'1000-1100,4095','final':'4096-8191'}"), 0, "", ""},

        {ROOT ",'hooks':{'poststop':[{'path':'/bin/x','timeout':1,'env':['A=1']}]}", 0, "", ""},
        {ROOT ",'hooks':{'prestart':[{'path':'/a'},{'path':'bin/x'}]}", -EINVAL, "hooks.prestart[1].path", "absolute"},
        {ROOT ",'hooks':{'createRuntime':[{'path':'/a','timeout':0}]}", -EINVAL, "hooks.createRuntime[0].timeout",
         "greater than zero"},
        {ROOT ",'hooks':{'createContainer':[{'path':'/a','timeout':-1}]}", -EINVAL,
         "hooks.createContainer[0].timeout", "greater than zero"},
        {ROOT ",'hooks':{'startContainer':[{'path':'/a','timeout':2147483647}]}", -EINVAL,
         "hooks.startContainer[0].timeout", ""},
        {ROOT ",'hooks':{'poststart':[{'path':'/a','env':['X']}]}", -EINVAL, "hooks.poststart[0].env[0]",
         "NAME=VALUE"},

        {ROOT ",'annotations':{'a':'','b':'x'}", 0, "", ""},
        {ROOT ",'annotations':{'run.oci.handler':'krun'}", -EOPNOTSUPP, "annotations", "run.oci.handler"},

        {ROOT ",'linux':{'namespaces':[{'type':'pid'},{'type':'pid'}]}", -EINVAL, "linux.namespaces[1].type",
         "malformed spec file: duplicated ns `pid`"},
        {ROOT ",'linux':{'namespaces':[{'type':'nope'}]}", -EINVAL, "linux.namespaces[0].type",
         "namespace `nope` does not exist"},
        {ROOT ",'linux':{'namespaces':[{'type':'net'}]}", -EINVAL, "linux.namespaces[0].type", "does not exist"},
        {ROOT ",'linux':{'namespaces':[{'type':'uts','path':'proc/1/ns/uts'}]}", -EINVAL, "linux.namespaces[0].path",
         "absolute"},
        {ROOT ",'linux':{'namespaces':[{'type':'uts','path':'/proc/1/ns/uts'},{'type':'time'},{'type':'cgroup'}]}", 0,
         "", ""},
        {ROOT ",'hostname':'h'", -EINVAL, "hostname", "private UTS namespace"},
        {ROOT ",'domainname':'h','linux':{" MNT "}", -EINVAL, "domainname", "private UTS namespace"},
        {ROOT ",'hostname':'h','domainname':'d','linux':{'namespaces':[{'type':'uts'}]}", 0, "", ""},
        {ROOT ",'hostname':'0123456789012345678901234567890123456789012345678901234567890123',"
              "'linux':{'namespaces':[{'type':'uts'}]}",
         0, "", ""},
        {ROOT ",'hostname':'01234567890123456789012345678901234567890123456789012345678901234',"
              "'linux':{'namespaces':[{'type':'uts'}]}",
         -EINVAL, "hostname", "longer than 64"},
        {ROOT ",'linux':{'uidMappings':[{'containerID':0,'hostID':1,'size':1}]}", -EINVAL, "linux.uidMappings",
         "user namespace mappings specified, but user namespace isn't enabled in the config"},
        {ROOT ",'linux':{'gidMappings':[{'containerID':0,'hostID':1,'size':1}]}", -EINVAL, "linux.gidMappings",
         "user namespace isn't enabled"},
        {ROOT ",'linux':{" MNT ",'maskedPaths':['/a','b']}", -EINVAL, "linux.maskedPaths[1]", "absolute"},
        {ROOT ",'linux':{" MNT ",'readonlyPaths':['']}", -EINVAL, "linux.readonlyPaths[0]", "absolute"},
        {ROOT ",'linux':{'maskedPaths':['/a']}", -EINVAL, "linux.maskedPaths",
         "unable to restrict sys entries without a private MNT namespace"},
        {ROOT ",'linux':{'readonlyPaths':['/a']}", -EINVAL, "linux.readonlyPaths", "MNT namespace"},
        {ROOT ",'linux':{" MNT ",'maskedPaths':['/a'],'readonlyPaths':['/b']}", 0, "", ""},
        {ROOT ",'linux':{'maskedPaths':[]}", 0, "", ""},
        {ROOT ",'mounts':[{'destination':'/x'}]", -EINVAL, "mounts", "mount namespace"},
        {"'root':{'path':'r','readonly':true}", -EINVAL, "root.readonly", "mount namespace"},
        {"'root':{'path':'r','readonly':true},'mounts':[{'destination':'/x'}],'linux':{" MNT "}", 0, "", ""},
        {ROOT ",'linux':{'devices':[{'path':'/dev/x','type':'c','major':1,'minor':2}]}", -EINVAL, "linux.devices",
         "mount namespace"},
        {ROOT ",'linux':{'netDevices':{'eth0':{}}}", 0, "", ""},
        {ROOT ",'linux':{'netDevices':{}}", 0, "", ""},
    };
    return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct row *row, spec_check, rules)
{
    struct cf_err err = CF_ERR_INIT;
    struct cf_spec *spec = NULL;
    char json[512], text[1024];

    (void) snprintf(json, sizeof(json), "{%s%s}",
                    strncmp(row->members, "'ociVersion'", 12) ? "'ociVersion':'1.3.0'," : "", row->members);
    for (char *p = json; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    /* What needs an apostrophe is in the messages only. */
    cr_assert(eq(int, cf_spec_load_bytes("/b", json, strlen(json), &spec, &err), 0), "%s: %s", json, err.text);
    cr_expect(eq(int, cf_spec_check(spec, &err), row->want), "%s: %s", row->members, err.text);
    cr_expect(eq(str, err.field, row->field), "%s", row->members);
    if (row->want < 0) {
        (void) cf_err_print(&err, text, sizeof(text));
        cr_expect(strstr(text, row->text) != NULL, "%s: %s", row->members, text);
        cr_expect(eq(u32, err.kind, row->want == -EINVAL ? COFFER_ERROR_CONFIG : COFFER_ERROR_UNSUPPORTED));
    }
    cf_spec_free(spec);
}

Test(spec_check, has_namespace)
{
    static const char json[] = "{\"ociVersion\":\"1.0.0\",\"linux\":{\"namespaces\":[{\"type\":\"pid\"},"
                               "{\"type\":\"network\",\"path\":\"/n\"},{\"type\":\"ipc\",\"path\":\"\"}]}}";
    struct cf_err err = CF_ERR_INIT;
    struct cf_spec *spec = NULL;
    bool joined = true;

    cr_assert(eq(int, cf_spec_load_bytes("/b", json, strlen(json), &spec, &err), 0));
    cr_expect(cf_spec_has_namespace(spec->config, "pid", &joined));
    cr_expect(not(joined));
    cr_expect(cf_spec_has_namespace(spec->config, "network", &joined));
    cr_expect(joined);
    cr_expect(cf_spec_has_namespace(spec->config, "ipc", &joined));
    cr_expect(not(joined));
    joined = true;
    cr_expect(not(cf_spec_has_namespace(spec->config, "user", &joined)));
    cr_expect(not(joined));
    cr_expect(cf_spec_has_namespace(spec->config, "pid", NULL));
    cf_spec_free(spec);
}
